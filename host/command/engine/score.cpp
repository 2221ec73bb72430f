#include "run/score.h"

#include "command/engine/arguments.h"
#include "command/engine/attempt.h"
#include "command/engine/commands.h"
#include "shalab/error.h"

namespace shalab {

int command_score(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments,
                            {{"--real", "PATH"}, {"--generated", "PATH"}});
  const auto usage = "shalab score METRIC --real PATH --generated PATH";
  const auto& metric = arguments.only("METRIC", usage);
  if (!arguments.has("--real") || !arguments.has("--generated")) {
    throw Error(ErrorKind::usage, "score needs --real and --generated",
                std::string("usage: ") + usage);
  }
  print_measurements(
      score(metric, arguments.text("--real"), arguments.text("--generated")),
      invocation.options.json, "");
  return 0;
}

}  // namespace shalab
