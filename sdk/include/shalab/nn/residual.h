#pragma once
// The end of a pre-activation residual block and the start of what follows.

#include <ATen/core/Tensor.h>

namespace shalab::nn {

// A change of size between two blocks of pictures [B, C, H, W].
enum class Resample : int {
  none,
  average_pool,  // of the sum: 3 x 3 places, stride 2, one zero around
  upsample,      // of x, which has half of dx's rows and columns: each place
                 // becomes four (nearest neighbour)
};

struct LeakyResidual {
  at::Tensor sum;        // x + weight dx
  at::Tensor activated;  // leaky_relu(sum, slope)
};

// x and dx of one shape (but see Resample) and floating type, slope >= 0
// (He et al., 2016, identity mappings); any shape where nothing is resampled.
// On a CPU the values are those of x + weight * dx, at::avg_pool2d or
// at::upsample_nearest2d, and at::leaky_relu bit for bit; on a GPU one pass
// writes both; in bf16 there x + weight * dx is rounded once, not twice.
// Gradient: to x and dx, differentiable again. Throws a failed check for a
// negative slope, and for shapes that do not fit the resampling.
LeakyResidual leaky_residual(const at::Tensor& x, const at::Tensor& dx,
                             double weight, double slope,
                             Resample resample = Resample::none);

// `activated` of the same alone, where the sum is read no further: it is then
// neither written on a GPU nor kept for the gradient.
at::Tensor activated_residual(const at::Tensor& x, const at::Tensor& dx,
                              double weight, double slope,
                              Resample resample = Resample::none);

}  // namespace shalab::nn
