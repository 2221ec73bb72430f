#pragma once
// The order in memory in which pictures pass through convolutions.

#include <ATen/core/Tensor.h>

namespace shalab::nn {

// x [B, C, H, W] in the memory format of a convolution's `weight`: channels
// last or contiguous, as the host chose for the network (run.memory_format).
// Take a weight of several channels and of more than one place; others have the
// same strides in both formats. Gradient: to x.
inline at::Tensor in_layout_of(const at::Tensor& weight, const at::Tensor& x) {
  return x.contiguous(weight.suggest_memory_format());
}

// maps [B, C, H, W] as rows [B, C * H * W], for the linear layer behind
// convolutions. Gradient: to maps, in their memory format, so that what stands
// before reads it in its own order; differentiable again.
at::Tensor flattened(const at::Tensor& maps);

}  // namespace shalab::nn
