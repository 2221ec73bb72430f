#include "shalab/nn/feature_metric.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <utility>

#include "real_features.h"
#include "shalab/error.h"

namespace shalab {
namespace {

using Route = GenerationTask::Route;

// int64 [N]: the order that sorts the rows of x, float [N, F], on the CPU.
at::Tensor lexicographic_order(const at::Tensor& x) {
  const at::Tensor table = x.cpu().contiguous();
  const auto* values = table.const_data_ptr<float>();
  const std::int64_t columns = table.size(1);
  std::vector<std::int64_t> order(static_cast<std::size_t>(table.size(0)));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const float* left = values + a * columns;
    const float* right = values + b * columns;
    return std::lexicographical_compare(left, left + columns, right,
                                        right + columns);
  });
  return at::tensor(order, at::kLong);
}

}  // namespace

void FeatureSide::add(const at::Tensor& features) {
  if (keep_ == Keep::moments) {
    moments_.add(features);
  } else if (features.size(0) > 0) {
    blocks_.push_back(features.detach().to(at::kFloat));
  }
}

std::int64_t FeatureSide::count() const {
  std::int64_t count = moments_.count();
  for (const at::Tensor& block : blocks_) count += block.size(0);
  return count;
}

const FeatureMoments& FeatureSide::moments() const {
  SHALAB_CHECK(keep_ == Keep::moments, "rows were kept");
  return moments_;
}

at::Tensor FeatureSide::rows() const {
  SHALAB_CHECK(keep_ == Keep::rows && !blocks_.empty(), "no rows were kept");
  const at::Tensor all = at::cat(blocks_);
  if (!at::isfinite(all).all().item<bool>()) {
    throw Error(ErrorKind::run, "a feature of a sample is not finite",
                "look at the samples: shalab sample");
  }
  return all.index_select(0, lexicographic_order(all).to(all.device()));
}

FeatureMetric::FeatureMetric(const Settings& settings, MetricContext context,
                             std::string name, FeatureSide::Keep keep)
    : context_(std::move(context)),
      name_(std::move(name)),
      keep_(keep),
      conditional_(settings.flag("conditional")),
      include_self_(settings.flag("include_self_targets")),
      features_(make_sample_features(settings, context_, name_)) {}

std::vector<GenerationTask> FeatureMetric::tasks() {
  features_->require();
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

void FeatureMetric::observe(const Generated& generated) {
  const bool joint = generated.task->route == Route::joint;
  const std::size_t source =
      joint ? 0 : generated.task->source.indices().front();
  for (std::size_t m = 0; m < context_.modalities.size(); ++m) {
    if (!features_->serves(m)) continue;
    if (!joint && m == source && !include_self_) continue;
    const at::Tensor features = features_->of_generated(m, generated);
    if (!features.defined()) continue;
    if (!real_) real_ = real_side(features.device());
    Sides& sides = joint ? joint_ : given_[source];
    sides.try_emplace(m, keep_).first->second.add(features);
  }
}

FeatureMetric::Sides FeatureMetric::gather_real(at::Device device) const {
  Sides result;
  visit_real_features(context_, *features_, device,
                      [&](std::size_t m, const at::Tensor& x) {
                        result.try_emplace(m, keep_).first->second.add(x);
                      });
  return result;
}

// Every latent source of an evaluation has an instance of its own and needs the
// same real side.
std::shared_ptr<const FeatureMetric::Sides> FeatureMetric::real_side(
    at::Device device) const {
  struct Slot {
    std::string key;
    std::shared_ptr<const Sides> sides;
  };
  static std::mutex mutex;
  static std::map<std::string, Slot> slots;  // the last of each metric
  std::string judges;
  if (features_->num_features() == 0) judges = context_.judges.digest();
  const std::string key =
      context_.dataset->fingerprint() + '\n' + judges + '\n' +
      features_->label() + '\n' + features_->fingerprint() + '\n' +
      to_string(context_.split) + '\n' + std::to_string(num_tuples(context_));
  const std::lock_guard lock(mutex);
  Slot& slot = slots[name_];
  if (slot.sides == nullptr || slot.key != key) {
    slot.sides = std::make_shared<const Sides>(gather_real(device));
    slot.key = key;
  }
  return slot.sides;
}

void FeatureMetric::require_samples(const FeatureSide& real,
                                    const FeatureSide& generated) const {
  for (const auto& [side, word] :
       {std::pair(&real, "real"), std::pair(&generated, "generated")}) {
    if (side->count() >= 2) continue;
    throw Error(ErrorKind::run,
                "metric '" + name_ + "' has " + std::to_string(side->count()) +
                    " " + word + " samples, it needs 2",
                "raise evaluate.max_samples");
  }
}

FeatureMetric::Pair FeatureMetric::compared(
    std::size_t target, const FeatureSide& generated) const {
  const auto real = real_->find(target);
  const FeatureSide nothing(keep_);
  return {target, generated.count(),
          compare(real == real_->end() ? nothing : real->second, generated)};
}

std::vector<Measurement> FeatureMetric::finish() {
  require_observed(real_ != nullptr, name_);
  std::vector<Measurement> rows;
  report_joint(rows);
  report_given_one(rows);
  return rows;
}

void FeatureMetric::push(std::vector<Measurement>& rows,
                         const std::string& name,
                         const FeatureComparison& number, std::int64_t count,
                         const std::string& source,
                         const std::string& target) const {
  const MeasurementForm form{to_string(context_.split), protocol(*features_),
                             features_->fingerprint() + " real=" +
                                 std::to_string(num_tuples(context_))};
  rows.push_back(form.row(name, {number.value, number.standard_error, count},
                          number.unit, number.direction));
  rows.back().source_subset = source;
  rows.back().target_modality = target;
}

void FeatureMetric::report_joint(std::vector<Measurement>& rows) const {
  std::vector<FeatureComparison> means;
  for (const auto& [m, side] : joint_) {
    const Pair pair = compared(m, side);
    for (const FeatureComparison& number : pair.numbers) {
      push(rows, number.joint_name, number, pair.count, "",
           context_.modalities[m].name);
    }
    if (means.empty()) {
      means = pair.numbers;
      for (FeatureComparison& mean : means) mean.value = 0.0;
    }
    for (std::size_t i = 0; i < means.size(); ++i) {
      means[i].value += pair.numbers[i].value;
    }
  }
  for (FeatureComparison& mean : means) {
    if (!mean.has_mean) continue;
    mean.value /= static_cast<double>(joint_.size());
    mean.standard_error = 0.0;
    push(rows, mean.joint_name, mean, joint_.begin()->second.count(), "", "");
  }
}

void FeatureMetric::report_given_one(std::vector<Measurement>& rows) const {
  Pairs pairs;
  for (const auto& [source, targets] : given_) {
    for (const auto& [target, side] : targets) {
      pairs[source].push_back(compared(target, side));
      for (const FeatureComparison& number : pairs[source].back().numbers) {
        push(rows, (source == target ? "self_" : "conditional_") + number.name,
             number, side.count(), context_.modalities[source].name,
             context_.modalities[target].name);
      }
    }
  }
  if (pairs.empty() || pairs.size() != context_.modalities.size()) return;
  const auto& numbers = pairs.begin()->second.front().numbers;
  for (const bool with_self : {false, true}) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (with_self && !include_self_) continue;
      if (numbers[i].has_mean) report_means(rows, pairs, i, with_self);
    }
  }
}

void FeatureMetric::report_means(std::vector<Measurement>& rows,
                                 const Pairs& pairs, std::size_t number,
                                 bool with_self) const {
  std::map<std::size_t, ColumnMeans> by_target;
  ColumnMeans all;
  std::int64_t count = 0;
  FeatureComparison mean;
  for (const auto& [source, targets] : pairs) {
    for (const Pair& pair : targets) {
      if (source == pair.target && !with_self) continue;
      mean = pair.numbers[number];
      const at::Tensor value = at::full({1, 1}, mean.value, at::kDouble);
      by_target[pair.target].add(value);
      all.add(value);
      count = pair.count;
    }
  }
  if (all.empty()) return;
  const std::string name =
      "conditional_" + mean.name + (with_self ? "_with_self" : "");
  mean.standard_error = 0.0;
  for (const auto& [target, means] : by_target) {
    mean.value = means.estimates().front().value;
    push(rows, name, mean, count, "one", context_.modalities[target].name);
  }
  mean.value = all.estimates().front().value;
  push(rows, name, mean, count, "one", "");
}

void declare_feature_metric_fields(FieldList& fields) {
  fields
      .flag("conditional", true,
            "also measure draws given each single modality")
      .after_training();
  fields
      .flag("include_self_targets", false,
            "also measure the source modality itself: self_NAME and the means "
            "conditional_NAME_with_self")
      .after_training();
  declare_extractor_fields(fields);
}

}  // namespace shalab
