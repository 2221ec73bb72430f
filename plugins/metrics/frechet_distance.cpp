// Fréchet distance of Gaussian fits of judge features, protocol "FD-judge":
// the same formula as FID with the judges' last hidden layer in place of
// Inception, so its numbers are comparable with neither FID nor FD of other
// judges. Generated images are rounded to 8 bits by the host before judging,
// as a PNG would hold them; the real side is the first tuples of the split.
//   frechet_distance              joint draws
//   conditional_frechet_distance  draws given x_s, targets t != s; its mean
//                                 over s (source "one", target t) and over all
// It falls with the number of samples on either side: the generated side is
// `num_samples`, the real side is in the fingerprint.

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "shalab/error.h"
#include "shalab/metric.h"
#include "shalab/nn/measuring.h"

namespace shalab {
namespace {

using Route = GenerationTask::Route;
using MomentsByModality = std::map<std::size_t, FeatureMoments>;

constexpr std::int64_t kBatch = 1000;

MomentsByModality real_moments(const MetricContext& context,
                               at::Device device) {
  const std::int64_t count = num_tuples(context);
  MomentsByModality result;
  for (std::int64_t first = 0; first < count; first += kBatch) {
    const std::int64_t last = std::min(count, first + kBatch);
    const at::Tensor indices =
        at::arange(first, last, at::TensorOptions(at::kLong).device(device));
    const Batch batch = context.dataset->gather(context.split, indices);
    for (std::size_t m = 0; m < context.judges.judges.size(); ++m) {
      if (context.judges.judges[m] == nullptr) continue;
      const at::Tensor features =
          context.judges.judges[m]->judge(batch.data[m]).features;
      if (!features.defined()) continue;
      const at::Tensor present =
          batch.presence.select(1, static_cast<std::int64_t>(m));
      result[m].add(features.index({present}));
    }
  }
  return result;
}

// The real side of the last dataset and judges asked for: every latent source
// of an evaluation has an instance of its own and needs the same moments.
std::shared_ptr<const MomentsByModality> cached_real_moments(
    const MetricContext& context, at::Device device) {
  static std::mutex mutex;
  static std::string cached_key;
  static std::shared_ptr<const MomentsByModality> cached;
  const std::string key =
      context.dataset->fingerprint() + '\n' + context.judges.digest() + '\n' +
      to_string(context.split) + '\n' + std::to_string(num_tuples(context));
  const std::lock_guard lock(mutex);
  if (key != cached_key) {
    cached = std::make_shared<MomentsByModality>(real_moments(context, device));
    cached_key = key;
  }
  return cached;
}

class FrechetDistance final : public Metric {
 public:
  FrechetDistance(const Settings& settings, MetricContext context)
      : context_(std::move(context)),
        conditional_(settings.flag("conditional")),
        include_self_(settings.flag("include_self_targets")) {}

  std::vector<GenerationTask> tasks() override;
  void observe(const Generated& generated) override;
  std::vector<Measurement> finish() override;

 private:
  void require_features() const;
  void report_joint(std::vector<Measurement>& rows) const;
  void report_given_one(std::vector<Measurement>& rows) const;
  // Means of `pairs` [s][t] over s, and over all; with or without s = t.
  void report_means(std::vector<Measurement>& rows, const std::string& name,
                    bool with_self) const;
  void push(std::vector<Measurement>& rows, const std::string& name,
            double value, std::int64_t count, const std::string& source,
            const std::string& target) const;
  double distance(std::size_t modality, const FeatureMoments& generated) const;

  MetricContext context_;
  bool conditional_;
  bool include_self_;
  std::shared_ptr<const MomentsByModality> real_;
  MomentsByModality joint_;
  std::map<std::size_t, MomentsByModality> given_;  // by source, by target
  std::map<std::size_t, std::map<std::size_t, Estimate>> pairs_;
};

void FrechetDistance::require_features() const {
  const auto sources = context_.dataset->judge_sources();
  const auto& judges = context_.judges.judges;
  for (std::size_t m = 0; m < judges.size(); ++m) {
    const bool lexicon =
        m < sources.size() && sources[m].kind == JudgeSource::Kind::lexicon;
    if (judges[m] != nullptr && !lexicon) return;
  }
  throw Error(ErrorKind::data,
              "metric 'frechet_distance' needs a judge with features",
              "make one with `shalab judge train DATASET`, or remove the "
              "metric with ~metric.frechet_distance");
}

std::vector<GenerationTask> FrechetDistance::tasks() {
  require_features();
  std::vector<GenerationTask> result(1);
  result.front().num_samples = num_draws(context_);
  for (std::size_t m = 0; conditional_ && m < context_.modalities.size(); ++m) {
    GenerationTask task;
    task.route = Route::conditional;
    task.source = ModalitySubset::only(m);
    task.num_samples = num_tuples(context_);
    result.push_back(task);
  }
  return result;
}

void FrechetDistance::observe(const Generated& generated) {
  const bool joint = generated.task->route == Route::joint;
  const std::size_t source =
      joint ? 0 : generated.task->source.indices().front();
  MomentsByModality& moments = joint ? joint_ : given_[source];
  for (std::size_t m = 0; m < generated.judgements.size(); ++m) {
    const at::Tensor& features = generated.judgements[m].features;
    if (!features.defined()) continue;
    if (!joint && m == source && !include_self_) continue;
    if (!real_) real_ = cached_real_moments(context_, features.device());
    moments[m].add(features);
  }
}

std::vector<Measurement> FrechetDistance::finish() {
  require_observed(real_ != nullptr, "frechet_distance");
  std::vector<Measurement> rows;
  report_joint(rows);
  for (const auto& [source, targets] : given_) {
    for (const auto& [target, moments] : targets) {
      pairs_[source][target] = {distance(target, moments), 0.0,
                                moments.count()};
    }
  }
  report_given_one(rows);
  return rows;
}

double FrechetDistance::distance(std::size_t modality,
                                 const FeatureMoments& generated) const {
  return frechet_distance(real_->at(modality), generated);
}

void FrechetDistance::push(std::vector<Measurement>& rows,
                           const std::string& name, double value,
                           std::int64_t count, const std::string& source,
                           const std::string& target) const {
  const MeasurementForm form{to_string(context_.split), "FD-judge",
                             judged_fingerprint(context_) + " real=" +
                                 std::to_string(num_tuples(context_))};
  rows.push_back(
      form.row(name, {value, 0.0, count}, "features^2", Direction::lower));
  rows.back().source_subset = source;
  rows.back().target_modality = target;
}

void FrechetDistance::report_joint(std::vector<Measurement>& rows) const {
  double sum = 0.0;
  for (const auto& [m, moments] : joint_) {
    const double value = distance(m, moments);
    sum += value;
    push(rows, "frechet_distance", value, moments.count(), "",
         context_.modalities[m].name);
  }
  if (joint_.empty()) return;
  push(rows, "frechet_distance", sum / static_cast<double>(joint_.size()),
       joint_.begin()->second.count(), "", "");
}

void FrechetDistance::report_given_one(std::vector<Measurement>& rows) const {
  for (const auto& [source, targets] : pairs_) {
    for (const auto& [target, pair] : targets) {
      push(rows,
           source == target ? "self_frechet_distance"
                            : "conditional_frechet_distance",
           pair.value, pair.count, context_.modalities[source].name,
           context_.modalities[target].name);
    }
  }
  if (pairs_.size() != context_.modalities.size()) return;
  report_means(rows, "conditional_frechet_distance", false);
  if (include_self_) {
    report_means(rows, "conditional_frechet_distance_with_self", true);
  }
}

void FrechetDistance::report_means(std::vector<Measurement>& rows,
                                   const std::string& name,
                                   bool with_self) const {
  std::map<std::size_t, ColumnMeans> by_target;
  ColumnMeans all;
  std::int64_t count = 0;
  for (const auto& [source, targets] : pairs_) {
    for (const auto& [target, pair] : targets) {
      if (source == target && !with_self) continue;
      const at::Tensor value = at::full({1, 1}, pair.value, at::kDouble);
      by_target[target].add(value);
      all.add(value);
      count = pair.count;
    }
  }
  for (const auto& [target, means] : by_target) {
    push(rows, name, means.estimates().front().value, count, "one",
         context_.modalities[target].name);
  }
  if (!all.empty()) {
    push(rows, name, all.estimates().front().value, count, "one", "");
  }
}

void declare_fields(FieldList& fields) {
  fields
      .flag("conditional", true,
            "also measure draws given each single modality")
      .after_training();
  fields
      .flag("include_self_targets", false,
            "also measure the source modality itself: "
            "self_frechet_distance and the means _with_self")
      .after_training();
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  return std::make_unique<FrechetDistance>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1, "Fréchet distance of judge features to the real split",
              shalab::declare_fields, shalab::make)
