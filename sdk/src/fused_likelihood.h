#pragma once
// Densities of large events with own backward: fewer passes over memory than
// the automatic one makes, and nothing kept but what was given.

#include <ATen/core/Tensor.h>

#include "shalab/likelihood.h"

namespace shalab {

// Summed over the last `event_dims` dimensions, [L...]:
//   normal     -(x - m)^2 / 2
//   laplace    -|x - m|
//   bernoulli  x m - log(1 + exp m)
// parameters m [L..., event...] of at least fp32; x broadcasts to it. Gradient:
// to m, differentiable again. A failed check for categorical.
at::Tensor event_log_density(Likelihood::Family family,
                             const at::Tensor& parameters, const at::Tensor& x,
                             int event_dims);

}  // namespace shalab
