#pragma once
// The whole evaluation of an experiment, as its config asks for it.

#include <functional>
#include <vector>

#include "run/evaluate.h"
#include "run/experiment.h"

namespace shalab {

// The judges as evaluate.legacy_dropout says. A bank without judges, and a
// warning, where they are missing: metrics that need them say so themselves.
JudgeBank judges_of(const Experiment& experiment, const RunContext& context);

GenerationView generation_view(Experiment& experiment,
                               const RunContext& context,
                               const JudgeBank& judges);

// Makes every metric and asks for its tasks: throws what they would throw
// after hours of training (no judges, no such modality).
void check_metrics(Experiment& experiment, const RunContext& context,
                   const JudgeBank& judges);

// What was measured, and the sources measured, each under the settings chosen
// for it.
struct Measured {
  std::vector<Measurement> rows;
  std::vector<LatentSource> sources;
};

// All metrics on the posterior (reconstruction, likelihood) and on every
// source of `evaluate`, tuned where the config says so. `trained(name)` tells
// whether a source can be used yet; others are left out with a warning. Files
// of metrics go to `metrics/` in the run's folder.
Measured measure(Experiment& experiment, const RunContext& context,
                 const JudgeBank& judges,
                 const std::function<bool(const std::string& source)>& trained);

}  // namespace shalab
