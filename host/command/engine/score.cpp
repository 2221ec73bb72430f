#include "run/score.h"

#include "command/engine/arguments.h"
#include "command/engine/attempt.h"
#include "command/engine/commands.h"
#include "command/engine/plugin_settings.h"
#include "command/engine/session.h"
#include "shalab/error.h"

namespace shalab {

int command_score(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments,
                            {{"--real", "PATH"}, {"--generated", "PATH"}});
  const auto usage =
      "shalab score METRIC --real PATH --generated PATH [metric.key=value ...]";
  const auto& name = arguments.only("METRIC", usage);
  if (!arguments.has("--real") || !arguments.has("--generated")) {
    throw Error(ErrorKind::usage, "score needs --real and --generated",
                std::string("usage: ") + usage);
  }
  Session session(invocation.options);
  const auto settings = plugin_settings(session.registry(), "metric", name,
                                        arguments.overrides());
  const auto make = [&](const MetricContext& context) {
    return session.registry().make_metric(name, settings, context);
  };
  print_measurements(score(make, arguments.text("--real"),
                           arguments.text("--generated"), session.services()),
                     invocation.options.json, "");
  return 0;
}

}  // namespace shalab
