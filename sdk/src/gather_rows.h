#pragma once
// The gather of a batch from data kept as bytes.

#include <ATen/core/Tensor.h>

namespace shalab {

// rows [N, ...] uint8, indices int64 [B] below N -> fp32 [B, ...]: the chosen
// rows / 255. No gradient. On a CPU three passes, on a GPU one, with the same
// bits.
at::Tensor gather_rows(const at::Tensor& rows, const at::Tensor& indices);

namespace formula {

// What the operator shalab::gather_rows computes, by ATen.
at::Tensor gather_rows(const at::Tensor& rows, const at::Tensor& indices);

}  // namespace formula

}  // namespace shalab
