// shalab-engine: the commands that need tensors. `shalab` executes it.

#include <map>

#include "base/heap.h"
#include "base/terminal.h"
#include "command/commands.h"
#include "command/engine/commands.h"
#include "command/guard.h"
#include "command/options.h"
#include "parallel/launch.h"
#include "shalab/error.h"

namespace shalab {

namespace {

int dispatch(const Invocation& invocation) {
  static const std::map<std::string, int (*)(const Invocation&)> engine{
      {"run", command_run},
      {"resume", command_resume},
      {"evaluate", command_evaluate},
      {"sample", command_sample},
      {"encode", command_encode},
      {"judge train", command_judge},
      {"bench", command_bench},
      {"score", command_score},
      {"data prepare", command_data_prepare},
      {"data export", command_data_export}};
  const auto found = engine.find(invocation.command);
  if (found == engine.end()) {
    throw Error(ErrorKind::usage,
                "'" + invocation.command + "' is no engine command",
                "call shalab, which knows all commands");
  }
  return found->second(invocation);
}

}  // namespace

}  // namespace shalab

int main(int argc, char** argv) {
  using namespace shalab;
  adopt_streams();
  keep_freed_memory();
  const bool colour = use_colour(colour_mode_of(argc, argv), 2);
  const int code = run_guarded(colour, [&] {
    return dispatch(parse_invocation(argc, argv, command_specs()));
  });
  report_exit_code(code);
  return code;
}
