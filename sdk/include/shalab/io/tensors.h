#pragma once
// Arrays of files as tensors, and back. CPU, contiguous, always a copy.

#include <ATen/core/Tensor.h>

#include "shalab/io/arrays.h"

namespace shalab::io {

// Same shape and type: u8, i32, i64, f32, f64, boolean become at::kByte, kInt,
// kLong, kFloat, kDouble, kBool.
at::Tensor to_tensor(const Array& array);

// Inverse of to_tensor; half and bfloat16 become f32. Any other type is a
// failed check. Gradient: stopped. Any device.
Array to_array(const at::Tensor& tensor);

}  // namespace shalab::io
