#include <iostream>

#include "command/engine/arguments.h"
#include "command/engine/attempt.h"
#include "command/engine/commands.h"
#include "command/engine/ranks.h"
#include "parallel/launch.h"
#include "results/liveness.h"
#include "shalab/error.h"

namespace shalab {

namespace {

void refuse_if_alive(Session& session, const std::string& id) {
  for (const auto& run : judge_running_runs(session.store().db())) {
    if (run.run_id == id && run.verdict.liveness != Liveness::dead) {
      throw Error(ErrorKind::resume,
                  "run " + id + " is still running: " + run.verdict.evidence,
                  "stop it first; shalab doctor tells dead runs from live "
                  "ones");
    }
  }
}

}  // namespace

int command_resume(const Invocation& invocation) {
  if (rank_number() > 0) return follow(invocation.options);
  const auto collective = open_collective();
  const Arguments arguments(invocation.arguments,
                            {{"--force", ""}, {"--devices", "LIST"}});
  Session session(invocation.options);
  const auto id = session.run_id(
      arguments.only("RUN", "shalab resume RUN [--devices LIST] [--force]"));
  if (!arguments.overrides().empty()) {
    throw Error(ErrorKind::usage,
                "resume takes no overrides, got '" +
                    arguments.overrides().front() + "'",
                "a resumed run is the same run; start a new one with "
                "first_stage.run=" +
                    id + " to change later stages");
  }
  refuse_if_alive(session, id);
  auto config = session.config_of(id);
  const auto devices =
      devices_of(config, devices_asked(arguments, invocation.options),
                 invocation.options.device, session.log());
  if (devices.size() > 1 && !collective) {
    return launch_ranks(session, devices);
  }
  if (!invocation.options.json) {
    std::cout << "run " << id << std::endl;
  }
  return run_attempt(
      session, {id, std::move(config), true, arguments.has("--force"), devices,
                collective.get()});
}

}  // namespace shalab
