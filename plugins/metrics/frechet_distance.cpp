// Fréchet distance of Gaussian fits of features. Generated images are rounded
// to 8 bits by the host first, as a PNG would hold them.
//   extractor judge      frechet_distance, conditional_frechet_distance;
//                        protocol "FD-judge": FID's formula with the judges'
//                        last hidden layer in place of Inception, comparable
//                        with neither FID nor FD of other judges
//   extractor inception  joint_fid, conditional_fid; the resize convention is
//                        part of the protocol
// feature_metric.h says which rows there are. The distance falls with the
// number of samples on either side: the generated side is `num_samples`, the
// real side is in the fingerprint.

#include <ATen/ATen.h>

#include "shalab/metric.h"
#include "shalab/nn/feature_metric.h"

namespace shalab {
namespace {

class FrechetDistance final : public FeatureMetric {
 public:
  FrechetDistance(const Settings& settings, const MetricContext& context)
      : FeatureMetric(settings, context, "frechet_distance",
                      FeatureSide::Keep::moments) {}

 protected:
  std::string protocol(const SampleFeatures& features) const override {
    return "FD-" + features.label();
  }

  std::vector<FeatureComparison> compare(
      const FeatureSide& real, const FeatureSide& generated) const override {
    FeatureComparison distance;
    distance.name = is_inception() ? "fid" : "frechet_distance";
    distance.joint_name = is_inception() ? "joint_fid" : distance.name;
    distance.value = frechet_distance(real.moments(), generated.moments());
    distance.unit = "features^2";
    distance.direction = Direction::lower;
    return {distance};
  }
};

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  return std::make_unique<FrechetDistance>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1, "Fréchet distance of features to the real split",
              shalab::declare_feature_metric_fields, shalab::make)
