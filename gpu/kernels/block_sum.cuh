#pragma once
// A sum over the threads of a block in one fixed order.

#include "arithmetic/portable.h"

namespace shalab::gpu {

// Warps by halves, then one after another. Valid on thread 0; all `threads` of
// the block take part, once in a kernel.
template <int threads>
__device__ inline float sum_of_block(float value) {
  constexpr int kWarp = 32;
  constexpr int kWarps = threads / kWarp;
  __shared__ float warps[kWarps];
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value = plus(value, __shfl_down_sync(0xffffffffu, value, offset));
  }
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = value;
  __syncthreads();
  float sum = warps[0];
  for (int warp = 1; warp < kWarps; ++warp) sum = plus(sum, warps[warp]);
  return sum;
}

}  // namespace shalab::gpu
