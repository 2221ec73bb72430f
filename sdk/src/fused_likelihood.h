#pragma once
// Densities of large events with own backward: fewer passes over memory than
// the automatic one makes, and nothing kept but what was given.

#include <ATen/core/Tensor.h>

#include "shalab/likelihood.h"

namespace shalab {

// factor times the sum over the last `event_dims` dimensions, less shift,
// [L...]:
//   normal     -(x - m)^2 / 2
//   laplace    -|x - m|
//   bernoulli  x m - log(1 + exp m)
// parameters m [L..., event...] of at least fp32; x broadcasts to it. Gradient:
// to m, differentiable again. A failed check for categorical.
at::Tensor event_log_density(Likelihood::Family family,
                             const at::Tensor& parameters, const at::Tensor& x,
                             int event_dims, double factor, double shift);

// What the operators shalab::event_log_density and
// shalab::event_log_density_slope compute, by ATen and without a derivative.
// `family` is the number of a Likelihood::Family.
namespace formula {

// [L...] from m [L..., event...]; x broadcasts to it.
at::Tensor event_log_density(const at::Tensor& parameters, const at::Tensor& x,
                             std::int64_t family, std::int64_t event_dims,
                             double factor, double shift);

// The derivative of that by m times `gradient` [L...]: the shape of x - m.
at::Tensor event_log_density_slope(const at::Tensor& parameters,
                                   const at::Tensor& x,
                                   const at::Tensor& gradient,
                                   std::int64_t family, std::int64_t event_dims,
                                   double factor);

}  // namespace formula

}  // namespace shalab
