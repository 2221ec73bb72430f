#pragma once
// Several neighbouring elements read and written at once.

#include <cstdint>

#include "arithmetic/portable.h"

namespace shalab::gpu {

// Are all addresses multiples of the pack's size?
template <typename Pack, typename... Pointers>
bool are_aligned(Pointers... pointers) {
  return ((reinterpret_cast<std::uintptr_t>(pointers) % alignof(Pack) == 0) &&
          ...);
}

inline unsigned blocks_for(std::int64_t work, std::int64_t threads) {
  return static_cast<unsigned>((work + threads - 1) / threads);
}

// Elements from[i ... i + size). Not aligned: each by itself, and zero from
// `end` on. Aligned: the whole pack lies before `end`.
template <bool is_aligned, typename Pack, typename Element>
__device__ inline Pack load(const Element* from, std::int64_t i,
                            std::int64_t end) {
  if constexpr (is_aligned) {
    return *reinterpret_cast<const Pack*>(from + i);
  } else {
    constexpr int kSize = sizeof(Pack) / sizeof(Element);
    Pack pack;
#pragma unroll
    for (int k = 0; k < kSize; ++k) {
      pack.values[k] = i + k < end ? from[i + k] : Element(0.0f);
    }
    return pack;
  }
}

// The reverse of load; nothing is written from `end` on.
template <bool is_aligned, typename Pack, typename Element>
__device__ inline void store(Element* to, std::int64_t i, std::int64_t end,
                             const Pack& pack) {
  if constexpr (is_aligned) {
    *reinterpret_cast<Pack*>(to + i) = pack;
  } else {
    constexpr int kSize = sizeof(Pack) / sizeof(Element);
#pragma unroll
    for (int k = 0; k < kSize; ++k) {
      if (i + k < end) to[i + k] = pack.values[k];
    }
  }
}

}  // namespace shalab::gpu
