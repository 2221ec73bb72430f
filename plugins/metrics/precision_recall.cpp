// Precision and recall of distributions (PRD; Sajjadi et al. 2018) on features:
// does what is generated look real, and is all that is real generated?
//   prd_precision, conditional_prd_precision   F_1/8 of the curve
//   prd_recall, conditional_prd_recall         F_8
// Not the nearest-neighbour precision and recall of Kynkäänniemi et al. 2019.
// feature_metric.h says which rows there are.

#include "shalab/nn/precision_recall.h"

#include <ATen/ATen.h>

#include "shalab/metric.h"
#include "shalab/nn/feature_metric.h"
#include "shalab/random.h"

namespace shalab {
namespace {

class PrecisionRecallMetric final : public FeatureMetric {
 public:
  PrecisionRecallMetric(const Settings& settings, const MetricContext& context)
      : FeatureMetric(settings, context, "precision_recall",
                      FeatureSide::Keep::rows),
        options_{settings.integer("clusters"), settings.integer("runs")},
        seed_(static_cast<std::uint64_t>(settings.integer("seed"))) {}

 protected:
  std::string protocol(const SampleFeatures& features) const override {
    return "PRD-" + features.label() +
           " clusters=" + std::to_string(options_.clusters) +
           " runs=" + std::to_string(options_.runs) +
           " seed=" + std::to_string(seed_);
  }

  std::vector<FeatureComparison> compare(
      const FeatureSide& real, const FeatureSide& generated) const override {
    require_samples(real, generated);
    at::Generator generator = make_generator(seed_, "precision_recall");
    const PrecisionRecall found =
        precision_recall(real.rows(), generated.rows(), options_, generator);
    return {share("prd_precision", found.precision),
            share("prd_recall", found.recall)};
  }

 private:
  static FeatureComparison share(const std::string& name, double value) {
    return {name, name, value, 0.0, "share", Direction::higher, true};
  }

  PrecisionRecallOptions options_;
  std::uint64_t seed_;
};

void declare_fields(FieldList& fields) {
  declare_feature_metric_fields(fields);
  const PrecisionRecallOptions defaults;
  fields
      .integer("clusters", defaults.clusters,
               "of both sides together, by k-means")
      .at_least(2)
      .after_training();
  fields.integer("runs", defaults.runs, "clusterings whose curves are averaged")
      .at_least(1)
      .after_training();
  fields.integer("seed", 0, "of the clusterings").at_least(0).after_training();
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  return std::make_unique<PrecisionRecallMetric>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1, "precision and recall of distributions of features",
              shalab::declare_fields, shalab::make)
