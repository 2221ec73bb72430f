#pragma once
// Bytes to numbers between 0 and 1.

#include <cstdint>

#include "arithmetic/portable.h"

namespace shalab::gpu {

// A division, not a product with 1 / 255: the bits of the CPU.
SHALAB_HOST_DEVICE inline float unit_of(std::uint8_t byte) {
  return over(static_cast<float>(byte), 255.0f);
}

}  // namespace shalab::gpu
