#pragma once
// Elements of tensors as kernels read them.

#include <ATen/core/Tensor.h>

#include "kernels/element_type.h"

namespace shalab {

// Is there something to do, in a number format of the kernels'?
inline bool has_elements(const at::Tensor& x) {
  return (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         x.numel() > 0;
}

// Of a tensor with elements.
inline gpu::ElementType element_type(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? gpu::ElementType::float32
                                       : gpu::ElementType::bfloat16;
}

// Can `x` be read in packs, if rows of `row` elements follow each other?
inline bool is_in_packs(const at::Tensor& x, std::int64_t row) {
  const auto bytes = row * static_cast<std::int64_t>(x.element_size());
  const auto address = reinterpret_cast<std::uintptr_t>(x.const_data_ptr());
  return bytes % gpu::kPackBytes == 0 && address % gpu::kPackBytes == 0;
}

}  // namespace shalab
