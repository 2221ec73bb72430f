#pragma once
// What metrics that compare features of real and generated samples share:
// tasks, both sides, the rows. Such a metric says what it keeps of a side and
// how two sides compare:
//   frechet_distance   moments    distance of Gaussian fits
//   kid                rows       kernel distance
//   precision_recall   rows       precision and recall of distributions

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shalab/metric.h"
#include "shalab/nn/measuring.h"
#include "shalab/nn/sample_features.h"
#include "shalab/nn/statistics.h"

namespace shalab {

// The features of one side: F columns, N rows.
class FeatureSide {
 public:
  // rows: every feature vector is kept, 4 N F bytes.
  enum class Keep { moments, rows };
  explicit FeatureSide(Keep keep) : keep_(keep) {}

  // features [B, F], B >= 0.
  void add(const at::Tensor& features);
  std::int64_t count() const;  // N
  // Keep::moments. A failed check otherwise.
  const FeatureMoments& moments() const;
  // Keep::rows: float [N, F] in lexicographic order, so that no result depends
  // on the order of samples. Error(run) where a feature is not finite; a
  // failed check when N is 0.
  at::Tensor rows() const;

 private:
  Keep keep_;
  FeatureMoments moments_;
  std::vector<at::Tensor> blocks_;
};

// One number that compares two sides.
struct FeatureComparison {
  std::string name;        // stem of the rows: "fid", "prd_recall"
  std::string joint_name;  // its row of joint draws: "joint_fid"
  double value = 0.0;
  double standard_error = 0.0;  // 0 = not estimated
  std::string unit;
  Direction direction = Direction::lower;
  bool has_mean = true;  // is a mean over modalities worth a row
};

// The rows, for each stem:
//   <joint name>        joint draws, by modality t, and their mean
//   conditional_<stem>  draws given x_s, targets t != s; its mean over s
//                       (source "one", target t) and over all pairs
//   self_<stem>, conditional_<stem>_with_self   where s = t is asked for
// The real side is the first tuples of the split, their number is in the
// fingerprint ("real=N"); it is kept between the latent sources of an
// evaluation, and features of one network also in the cache folder.
class FeatureMetric : public Metric {
 public:
  FeatureMetric(const Settings& settings, MetricContext context,
                std::string name, FeatureSide::Keep keep);

  std::vector<GenerationTask> tasks() final;
  void observe(const Generated& generated) final;
  std::vector<Measurement> finish() final;

 protected:
  // "FD-judge": what the number is, of `features`.
  virtual std::string protocol(const SampleFeatures& features) const = 0;
  // Error(run) where a side has too few samples. Always as many numbers, of
  // the same names.
  virtual std::vector<FeatureComparison> compare(
      const FeatureSide& real, const FeatureSide& generated) const = 0;

  bool is_inception() const { return features_->is_inception(); }
  // Error(run) that names the side with fewer than 2 samples.
  void require_samples(const FeatureSide& real,
                       const FeatureSide& generated) const;

 private:
  using Sides = std::map<std::size_t, FeatureSide>;  // by modality
  struct Pair {
    std::size_t target = 0;
    std::int64_t count = 0;
    std::vector<FeatureComparison> numbers;
  };
  using Pairs = std::map<std::size_t, std::vector<Pair>>;  // by source

  Sides gather_real(at::Device device) const;
  std::shared_ptr<const Sides> real_side(at::Device device) const;
  Pair compared(std::size_t target, const FeatureSide& generated) const;
  void report_joint(std::vector<Measurement>& rows) const;
  void report_given_one(std::vector<Measurement>& rows) const;
  void report_means(std::vector<Measurement>& rows, const Pairs& pairs,
                    std::size_t number, bool with_self) const;
  void push(std::vector<Measurement>& rows, const std::string& name,
            const FeatureComparison& number, std::int64_t count,
            const std::string& source, const std::string& target) const;

  MetricContext context_;
  std::string name_;
  FeatureSide::Keep keep_;
  bool conditional_;
  bool include_self_;
  std::unique_ptr<SampleFeatures> features_;
  std::shared_ptr<const Sides> real_;
  Sides joint_;
  std::map<std::size_t, Sides> given_;  // by source, by target
};

// Keys conditional and include_self_targets, and those of
// declare_extractor_fields.
void declare_feature_metric_fields(FieldList& fields);

}  // namespace shalab
