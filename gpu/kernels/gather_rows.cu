#include "arithmetic/gather_rows.h"
#include "kernels/gather_rows.h"
#include "kernels/vectors.cuh"

namespace shalab::gpu {

namespace {

constexpr int kThreads = 256;
constexpr int kBytes = 16;  // what a thread reads at once
constexpr int kTile = kThreads * kBytes;

using Bytes = Pack<std::uint8_t, kBytes>;
using Word = Pack<std::uint8_t, 4>;
using Numbers = Pack<float, 4>;

__device__ const std::uint8_t* chosen_row(const RowChoice& choice,
                                          std::int64_t place) {
  const std::int64_t index = choice.indices[place];
  if (index < 0 || index >= choice.num_rows) __trap();
  return choice.rows + index * choice.size;
}

// A block carries kTile bytes of one row: read 16 a thread, exchanged through
// shared memory so that neighbouring threads write neighbouring numbers.
__global__ void __launch_bounds__(kThreads)
    gather_aligned(RowChoice choice, unsigned tiles, float* gathered) {
  __shared__ Bytes tile[kThreads];
  const std::int64_t place = blockIdx.x / tiles;
  const std::int64_t begin = std::int64_t{blockIdx.x % tiles} * kTile;
  const std::uint8_t* row = chosen_row(choice, place) + begin;
  const std::int64_t left = choice.size - begin;
  const std::int64_t mine = threadIdx.x * kBytes;
  if (mine < left) {
    tile[threadIdx.x] = *reinterpret_cast<const Bytes*>(row + mine);
  }
  __syncthreads();
  const auto* words = reinterpret_cast<const Word*>(tile);
  float* to = gathered + place * choice.size + begin;
  for (int i = threadIdx.x; i < kTile / 4 && i * 4 < left; i += kThreads) {
    const Word word = words[i];
    Numbers numbers;
#pragma unroll
    for (int k = 0; k < 4; ++k) numbers.values[k] = unit_of(word.values[k]);
    *reinterpret_cast<Numbers*>(to + i * 4) = numbers;
  }
}

__global__ void __launch_bounds__(kThreads)
    gather_bytes(RowChoice choice, unsigned tiles, float* gathered) {
  const std::int64_t place = blockIdx.x / tiles;
  const std::int64_t begin = std::int64_t{blockIdx.x % tiles} * kTile;
  const std::uint8_t* row = chosen_row(choice, place) + begin;
  const std::int64_t left = choice.size - begin;
  float* to = gathered + place * choice.size + begin;
  for (int i = threadIdx.x; i < kTile && i < left; i += kThreads) {
    to[i] = unit_of(row[i]);
  }
}

}  // namespace

cudaError_t launch_gather_rows(const RowChoice& choice, float* gathered,
                               cudaStream_t stream) {
  const unsigned tiles = blocks_for(choice.size, kTile);
  const auto blocks = static_cast<unsigned>(choice.count * tiles);
  if (choice.size % kBytes == 0 && are_aligned<Bytes>(choice.rows, gathered)) {
    gather_aligned<<<blocks, kThreads, 0, stream>>>(choice, tiles, gathered);
  } else {
    gather_bytes<<<blocks, kThreads, 0, stream>>>(choice, tiles, gathered);
  }
  return cudaGetLastError();
}

}  // namespace shalab::gpu
