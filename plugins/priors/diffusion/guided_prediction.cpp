#include "guided_prediction.h"

#include <ATen/ATen.h>

namespace shalab::diffusion {
namespace {

at::Tensor weighted(const at::Tensor& x, double weight) {
  return weight == 1.0 ? x : x * weight;
}

}  // namespace

GuidedPrediction GuidedPrediction::joint(Network& own, Network* early,
                                         double s) {
  GuidedPrediction guided;
  guided.terms_.push_back({&own, {}, s});
  if (s != 1.0) guided.terms_.push_back({early, {}, 1.0 - s});
  return guided;
}

GuidedPrediction GuidedPrediction::conditional(
    Network& own, Network& null_network,
    const std::vector<at::Tensor>& conditions, double g) {
  if (g == 0.0) return joint(own, nullptr, 1.0);
  GuidedPrediction guided;
  for (const auto& condition : conditions) {
    guided.terms_.push_back({&own, condition, g / double(conditions.size())});
  }
  if (g != 1.0) guided.terms_.push_back({&null_network, {}, 1.0 - g});
  return guided;
}

at::Tensor GuidedPrediction::predict(const at::Tensor& z,
                                     double time_index) const {
  const auto rows = z.size(0);
  const auto time = at::full({1}, time_index, z.options().dtype(at::kFloat));
  at::Tensor sum;
  for (std::size_t first = 0; first < terms_.size();) {
    Network& network = *terms_[first].network;
    std::vector<at::Tensor> conditions;
    std::size_t last = first;
    for (; last < terms_.size() && terms_[last].network == &network; ++last) {
      const auto& condition = terms_[last].condition;
      conditions.push_back(condition.defined() ? condition
                                               : network.null_condition(rows));
    }
    const auto count = static_cast<std::int64_t>(conditions.size());
    const auto predictions =
        network
            .predict(count == 1 ? z : z.repeat({count, 1}), time,
                     count == 1 ? conditions[0] : at::cat(conditions))
            .split(rows);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto part = weighted(predictions[i], terms_[first + i].weight);
      sum = sum.defined() ? sum + part : part;
    }
    first = last;
  }
  return sum;
}

}  // namespace shalab::diffusion
