#pragma once
// Location and scale of latents, for priors that work on unit scale.

#include <ATen/core/Tensor.h>

#include "shalab/prior.h"

namespace shalab::nn {

struct Moments {
  at::Tensor mean;       // [D]
  at::Tensor deviation;  // [D], at least kSmallestDeviation
};

inline constexpr double kSmallestDeviation = 1e-4;

// Of the aggregate posterior E_x q(z | x) over the whole set, exactly: the
// mean of the means; the variance of the means (N - 1 in the denominator; zero
// for N = 1) plus the mean of the variances. Gradient: none.
Moments aggregate_moments(const LatentSet& latents);

// Of the columns of x [N, H]: mean, and standard deviation +
// kSmallestDeviation (a constant feature stays finite). Gradient: none.
Moments column_moments(const at::Tensor& x);

}  // namespace shalab::nn
