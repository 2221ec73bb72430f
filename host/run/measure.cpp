#include "run/measure.h"

#include <algorithm>
#include <optional>

#include "run/judges.h"
#include "run/tune.h"
#include "shalab/error.h"

namespace shalab {

namespace {

constexpr const char* kPosterior = "posterior";

// The fitted prior that a source draws from, or its own name.
std::string root_of(const Experiment& experiment, const std::string& source) {
  const auto* section = experiment.config().find("latent_source." + source);
  return section == nullptr ? source : section->settings.text("of");
}

}  // namespace

JudgeBank judges_of(const Experiment& experiment, const RunContext& context) {
  const bool drops_out =
      experiment.config().settings("evaluate").flag("legacy_dropout");
  try {
    return make_judge_bank(
        experiment.dataset(), experiment.dataset_name(), context.services,
        context.device,
        drops_out ? std::optional<std::uint64_t>(context.seed) : std::nullopt);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::usage) throw;
    context.services.logger->warn(error.message() + " (" + error.hint() + ")");
    return {};
  }
}

GenerationView generation_view(Experiment& experiment,
                               const RunContext& context,
                               const JudgeBank& judges) {
  return {experiment.model(), experiment.dataset(), context, judges,
          experiment.evaluation_batch()};
}

void check_metrics(Experiment& experiment, const RunContext& context,
                   const JudgeBank& judges) {
  const auto view = generation_view(experiment, context, judges);
  MetricContext metric_context{view.model.modalities(),
                               &view.dataset,
                               experiment.evaluation_options().split,
                               experiment.evaluation_options().max_samples,
                               judges,
                               context.services,
                               {}};
  for (const auto& maker : experiment.metrics()) {
    maker.make(metric_context)->tasks();
  }
}

Measured measure(
    Experiment& experiment, const RunContext& context, const JudgeBank& judges,
    const std::function<bool(const std::string& source)>& trained) {
  const auto view = generation_view(experiment, context, judges);
  auto names = experiment.source_names();
  if (std::find(names.begin(), names.end(), kPosterior) == names.end()) {
    names.insert(names.begin(), kPosterior);
  }
  experiment.first_stage().eval();
  Measured result;
  for (const auto& name : names) {
    if (!trained(root_of(experiment, name))) {
      context.services.logger->warn("latent source '" + name +
                                    "' is not trained yet: left out");
    } else if (is_tuned(experiment, name)) {
      auto tuned = tune(experiment, view, name);
      result.sources.push_back(tuned.source);
      result.rows.insert(result.rows.end(), tuned.tried.begin(),
                         tuned.tried.end());
    } else {
      result.sources.push_back(experiment.latent_source(name));
    }
  }
  auto options = experiment.evaluation_options();
  options.folder = context.folder / "metrics";
  const auto rows =
      evaluate(view, result.sources, experiment.metrics(), options);
  result.rows.insert(result.rows.end(), rows.begin(), rows.end());
  return result;
}

}  // namespace shalab
