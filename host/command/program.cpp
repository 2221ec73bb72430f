#include "command/program.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "base/signals.h"
#include "command/commands.h"
#include "command/guard.h"
#include "command/places.h"
#include "shalab/error.h"

namespace shalab {

namespace {

[[noreturn]] void execute_engine(char** argv) {
  const std::filesystem::path engine = program_folder() / "shalab-engine";
  std::cout.flush();
  execv(engine.c_str(), argv);
  throw Error(ErrorKind::run,
              "cannot run " + engine.string() + ": " + std::strerror(errno),
              "it belongs beside shalab; build or install it again");
}

int run_command(int argc, char** argv) {
  const Invocation invocation = parse_invocation(argc, argv, command_specs());
  if (invocation.wants_version) return command_version(invocation);
  if (invocation.wants_help && !invocation.command.empty()) {
    std::cout << command_help_text(invocation.command);
    return 0;
  }
  if (invocation.command.empty()) {
    std::ostream& out = invocation.wants_help ? std::cout : std::cerr;
    out << program_help();
    return invocation.wants_help ? 0 : static_cast<int>(ErrorKind::usage);
  }
  const Command* command = find_command(invocation.command);
  if (command->run == nullptr) execute_engine(argv);
  return command->run(invocation);
}

}  // namespace

int run_program(int argc, char** argv) {
  ignore_broken_pipes();
  const bool colour = use_colour(colour_mode_of(argc, argv), 2);
  return run_guarded(colour, [&] { return run_command(argc, argv); });
}

}  // namespace shalab
