#pragma once
// The number formats that kernels of whole tensors serve.

namespace shalab::gpu {

enum class ElementType { float32, bfloat16 };

// Bytes that a kernel reads and writes at once where tensors allow it.
constexpr int kPackBytes = 16;

constexpr int bytes_of(ElementType type) {
  return type == ElementType::float32 ? 4 : 2;
}

}  // namespace shalab::gpu
