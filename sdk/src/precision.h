#pragma once
// Densities are summed in no less than fp32.

#include <ATen/core/Tensor.h>

namespace shalab {

// Double stays; everything else becomes fp32.
inline at::Tensor at_least_fp32(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

}  // namespace shalab
