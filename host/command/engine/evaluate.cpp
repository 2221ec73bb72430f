#include "command/engine/arguments.h"
#include "command/engine/attempt.h"
#include "command/engine/commands.h"
#include "command/engine/recorder.h"
#include "command/engine/trained_run.h"

namespace shalab {

int command_evaluate(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments, {});
  const auto& name =
      arguments.only("RUN", "shalab evaluate RUN [section.key=value ...]");
  Session session(invocation.options);
  TrainedRun run(session, name, arguments.overrides());
  check_metrics(run.experiment(), run.context(), run.judges());
  auto& store = session.store();
  const auto attempt = store.latest_attempt(run.id());
  Recorder recorder(store, run.id(), attempt, session.folder_of(run.id()),
                    session.log());
  run.context().sink = &recorder;
  const auto rows =
      measure(run.experiment(), run.context(), run.judges(),
              [&](const std::string& source) { return run.is_trained(source); })
          .rows;
  store.add_measurements(run.id(), attempt, rows);
  print_measurements(rows, invocation.options.json,
                     run.experiment().dataset().note());
  return 0;
}

}  // namespace shalab
