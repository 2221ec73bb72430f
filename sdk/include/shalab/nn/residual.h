#pragma once
// The end of a pre-activation residual block and the start of what follows.

#include <ATen/core/Tensor.h>

namespace shalab::nn {

struct LeakyResidual {
  at::Tensor sum;        // y = x + weight dx
  at::Tensor activated;  // leaky_relu(y, slope)
};

// x and dx of one shape and floating type, slope >= 0 (He et al., 2016,
// identity mappings). Both results have that shape. On a CPU the values are
// those of x + weight * dx and at::leaky_relu bit for bit, on a GPU one pass
// writes both; in bf16 there the sum is rounded once, not twice. Gradient: to x
// and dx, differentiable again. Throws a failed check for a negative slope.
LeakyResidual leaky_residual(const at::Tensor& x, const at::Tensor& dx,
                             double weight, double slope);

// `activated` of the same alone, where the sum is read no further: it is then
// neither written on a GPU nor kept for the gradient.
at::Tensor activated_residual(const at::Tensor& x, const at::Tensor& dx,
                              double weight, double slope);

}  // namespace shalab::nn
