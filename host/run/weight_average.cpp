#include "run/weight_average.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_lerp.h>

#include <algorithm>

namespace shalab {

void WeightAverage::update(const NamedTensors& weights, double decay,
                           std::int64_t steps_done) {
  if (weights_.empty()) {
    weights_ = cloned(weights);
    return;
  }
  const at::NoGradGuard no_grad;
  const auto n = static_cast<double>(steps_done);
  const double keep = std::min(decay, (1 + n) / (10 + n));
  std::vector<at::Tensor> averages;
  std::vector<at::Tensor> lives;
  for (auto& [name, average] : weights_) {
    const auto& live = weights.at(name);
    if (average.is_floating_point()) {
      averages.push_back(average);
      lives.push_back(live);
    } else {
      average.copy_(live);
    }
  }
  at::_foreach_lerp_(averages, lives, 1 - keep);
}

}  // namespace shalab
