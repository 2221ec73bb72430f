#pragma once
// Measuring a trained model: every metric on every source of z.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "run/generate.h"
#include "shalab/measurement.h"

namespace shalab {

// One [metric.NAME] section, `name`, ready to make an instance per source.
// `mark` goes into the fingerprint of its rows: empty for a section named as
// its plugin, else "metric=NAME", so that two sections of one plugin stay
// apart.
struct MetricMaker {
  std::string name;
  std::string mark;
  std::function<std::unique_ptr<Metric>(const MetricContext&)> make;
};

struct EvaluationOptions {
  Split split = Split::test;
  std::int64_t max_samples = 10000;
  std::string purpose = "evaluate";
  // Of what metrics leave, <folder>/<metric>/<source>/. Empty: nothing is kept.
  std::filesystem::path folder;
};

// Generates each task once for all metrics that ask for it and stamps source,
// generation, NFE and seconds onto what they measure. A source that serves
// none of a metric's tasks gives no measurement of it. Files that metrics leave
// go to the run's sink as artifacts of the kind "metric". [main]
std::vector<Measurement> evaluate(const GenerationView& view,
                                  const std::vector<LatentSource>& sources,
                                  const std::vector<MetricMaker>& metrics,
                                  const EvaluationOptions& options);

}  // namespace shalab
