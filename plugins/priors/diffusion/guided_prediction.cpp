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
  const auto time = at::full({1}, time_index, z.options().dtype(at::kFloat));
  at::Tensor sum;
  for (std::size_t first = 0; first < terms_.size();) {
    std::size_t last = first + 1;
    while (last < terms_.size() &&
           terms_[last].network == terms_[first].network) {
      ++last;
    }
    const auto predictions = predictions_of(first, last, z, time);
    for (std::size_t i = first; i < last; ++i) {
      const auto part = weighted(predictions[i - first], terms_[i].weight);
      sum = sum.defined() ? sum + part : part;
    }
    first = last;
  }
  return sum;
}

// One call of the network that the terms first..last share. A null condition
// alone is a single row, so its modulation is computed once for all of z.
std::vector<at::Tensor> GuidedPrediction::predictions_of(
    std::size_t first, std::size_t last, const at::Tensor& z,
    const at::Tensor& time) const {
  Network& network = *terms_[first].network;
  const auto count = static_cast<std::int64_t>(last - first);
  const std::int64_t null_rows = count == 1 ? 1 : z.size(0);
  std::vector<at::Tensor> conditions;
  for (std::size_t i = first; i < last; ++i) {
    const auto& condition = terms_[i].condition;
    conditions.push_back(
        condition.defined() ? condition : network.null_condition(null_rows));
  }
  if (count == 1) return {network.predict(z, time, conditions[0])};
  return network.predict(z.repeat({count, 1}), time, at::cat(conditions))
      .split(z.size(0));
}

}  // namespace shalab::diffusion
