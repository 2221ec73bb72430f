#pragma once
// Where the elements of tensors lie, for the choice of a kernel.

#include <ATen/core/Tensor.h>

namespace shalab {

inline bool are_together(const at::Tensor& a, const at::Tensor& b) {
  return a.is_cuda() && a.device() == b.device();
}

inline bool have_equal_strides(at::IntArrayRef sizes, at::IntArrayRef a,
                               at::IntArrayRef b) {
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] != 1 && a[d] != b[d]) return false;
  }
  return true;
}

// Elements at the same places of the same kind of memory, without gaps.
inline bool are_parallel(const at::Tensor& a, const at::Tensor& b) {
  return are_together(a, b) && a.scalar_type() == b.scalar_type() &&
         a.sizes().equals(b.sizes()) &&
         have_equal_strides(a.sizes(), a.strides(), b.strides()) &&
         b.is_non_overlapping_and_dense();
}

}  // namespace shalab
