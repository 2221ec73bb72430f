#pragma once
// Equal forms of a transposed convolution and of a convolution's gradient.
// Kernels [in, out, k, k] are square, groups and dilation are 1.

#include <ATen/core/Tensor.h>

namespace shalab::nn {

struct Geometry {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t output_padding = 0;  // of transposed convolutions
};

// x [B, in, H, W] -> [B, out, H', W'], as the gradient to the input of the
// convolution that has the same weights.
at::Tensor transposed_by_gradient(const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& bias,
                                  const Geometry& geometry);

// The same as one convolution of stride 1 to stride^2 * out channels, one group
// for each phase of the output's places, which are then put side by side (Shi
// et al., 2016).
at::Tensor transposed_by_phases(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias,
                                const Geometry& geometry);

// Gradient to the weights [a, c, k, k] that tie `small` [B, a, h, w] to
// `large` [B, c, H, W]: of a convolution small is the output's gradient and
// large its input, of a transposed one small is the input. One product with the
// k x k places of `large` under each place of `small`.
at::Tensor weight_gradient_by_columns(const at::Tensor& small,
                                      const at::Tensor& large, std::int64_t k,
                                      const Geometry& geometry);

// The same as that of the convolution from `large` to `small` with the weights
// `weight`, of which only the shape is read.
at::Tensor weight_gradient_by_convolution(const at::Tensor& small,
                                          const at::Tensor& large,
                                          const at::Tensor& weight,
                                          const Geometry& geometry);

// weight [out, in, 3, 3] -> [in, out, 4, 4]: the transposed convolution with
// stride 2 and padding 1 that equals upsampling by nearest neighbour, then the
// convolution with padding 1. Gradient: to weight, differentiable again.
at::Tensor upsampling_kernel(const at::Tensor& weight);

}  // namespace shalab::nn
