#pragma once
// Parameters that train with optimiser settings of their own.

#include <ATen/core/Tensor.h>

#include <vector>

namespace shalab {

// Adam over `parameters`, apart from the optimiser of the stage: own rate,
// betas and gradient norm, no weight decay. The stage's schedule (warm-up,
// cosine) scales this rate too.
struct ParameterGroup {
  std::vector<at::Tensor> parameters;
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double clip_norm = 0.0;  // > 0: scale the group's gradients to this norm
};

}  // namespace shalab
