// Kernel distance of features (KID; Bińkowski et al. 2018): unbiased, so it
// does not fall with the number of samples and may be below 0.
//   extractor judge      kernel_distance, conditional_kernel_distance
//   extractor inception  joint_kid, conditional_kid
// feature_metric.h says which rows there are. `spread` is a standard error by
// subsampling; the standard deviation over subsets, which papers print beside
// KID, has rows <name>_deviation. In double precision: with 2,048 features and
// the default subsets a minute on one CPU core for each pair of sides.

#include <ATen/ATen.h>

#include <algorithm>

#include "shalab/metric.h"
#include "shalab/nn/feature_metric.h"
#include "shalab/nn/kernel_distance.h"
#include "shalab/random.h"

namespace shalab {
namespace {

class Kid final : public FeatureMetric {
 public:
  Kid(const Settings& settings, const MetricContext& context)
      : FeatureMetric(settings, context, "kid", FeatureSide::Keep::rows),
        options_{settings.integer("subsets"), settings.integer("subset_size")},
        seed_(static_cast<std::uint64_t>(settings.integer("seed"))) {}

 protected:
  std::string protocol(const SampleFeatures& features) const override {
    return "KD-" + features.label() +
           " subsets=" + std::to_string(options_.subsets) + "x" +
           std::to_string(options_.subset_size) +
           " seed=" + std::to_string(seed_);
  }

  std::vector<FeatureComparison> compare(
      const FeatureSide& real, const FeatureSide& generated) const override {
    require_samples(real, generated);
    at::Generator generator = make_generator(seed_, "kid/subsets");
    const KernelDistance distance =
        kernel_distance(real.rows(), generated.rows(), options_, generator);
    FeatureComparison mean;
    mean.name = is_inception() ? "kid" : "kernel_distance";
    mean.joint_name = is_inception() ? "joint_kid" : mean.name;
    mean.value = distance.value;
    mean.standard_error = distance.standard_error;
    mean.unit = "squared MMD";
    mean.direction = Direction::lower;
    FeatureComparison deviation = mean;
    deviation.name += "_deviation";
    deviation.joint_name += "_deviation";
    deviation.value = distance.deviation;
    deviation.standard_error = 0.0;
    deviation.direction = Direction::none;
    deviation.has_mean = false;
    return {mean, deviation};
  }

 private:
  KernelDistanceOptions options_;
  std::uint64_t seed_;
};

void declare_fields(FieldList& fields) {
  declare_feature_metric_fields(fields);
  const KernelDistanceOptions defaults;
  fields
      .integer("subsets", defaults.subsets, "pairs of subsets to average over")
      .at_least(1)
      .after_training();
  fields
      .integer("subset_size", defaults.subset_size,
               "samples of each side in a subset; all where there are fewer")
      .at_least(2)
      .after_training();
  fields.integer("seed", 0, "of the subsets").at_least(0).after_training();
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  return std::make_unique<Kid>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1, "kernel distance of features to the real split (KID)",
              shalab::declare_fields, shalab::make)
