#include "run/tune.h"

#include <optional>

#include "shalab/error.h"

namespace shalab {

namespace {

bool is_better(const Measurement& one, const Measurement& other) {
  return one.direction == Direction::lower ? one.value < other.value
                                           : one.value > other.value;
}

// The row that `tune_by` names; where a metric gives one row per target, the
// one over all targets.
std::optional<Measurement> tuned_row(const std::vector<Measurement>& rows,
                                     const std::string& name) {
  std::optional<Measurement> found;
  for (const auto& row : rows) {
    if (row.name == name && row.target_modality.empty()) {
      if (!found || row.source_subset == "one") {
        found = row;
      }
    }
  }
  return found;
}

}  // namespace

bool is_tuned(const Experiment& experiment, const std::string& name) {
  const auto* section = experiment.config().find("latent_source." + name);
  return section != nullptr && !section->settings.text("tune").empty();
}

Tuned tune(const Experiment& experiment, const GenerationView& view,
           const std::string& name) {
  const auto& settings = experiment.config().settings("latent_source." + name);
  const auto& wanted = settings.text("tune_by");
  EvaluationOptions options;
  options.split = Split::validation;
  options.max_samples = settings.integer("tune_samples");
  options.purpose = "tune";
  Tuned result;
  result.key = settings.text("tune");
  std::optional<Measurement> best;
  for (const auto& value : settings.list("tune_values")) {
    auto source = experiment.variant(name, result.key, value);
    const auto row = tuned_row(
        evaluate(view, {source}, experiment.metrics(), options), wanted);
    if (!row) {
      throw Error(ErrorKind::usage,
                  "latent_source." + name + ".tune_by: no metric measures '" +
                      wanted + "' on this source",
                  "add the metric's section, or name a measurement of one");
    }
    result.tried.push_back(*row);
    if (!best || is_better(*row, *best)) {
      best = *row;
      result.value = value;
      result.source = source;
    }
  }
  if (!best) {
    throw Error(ErrorKind::usage,
                "latent_source." + name + ".tune_values is empty",
                "list the values of '" + result.key + "' to try");
  }
  view.context.services.logger->info(
      "latent source " + name + ": " + result.key + " = " + result.value +
      " chosen by " + wanted + " " + std::to_string(best->value));
  return result;
}

}  // namespace shalab
