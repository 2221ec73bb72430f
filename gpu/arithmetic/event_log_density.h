#pragma once
// Densities of events, summed a row at a time in one fixed order.
//
// The order: a row is cut into pieces of `piece_size` elements, a block each. A
// thread takes four neighbouring elements, then those 4 * kDensityThreads
// further on, and keeps a sum for each of the four places. The four are added
// pairwise, the threads of a warp by halves, then the warps and then the pieces
// one after another. It follows from the shape alone, so equal runs give equal
// bits.

#include <cmath>
#include <cstdint>

#include "arithmetic/portable.h"

namespace shalab::gpu {

constexpr int kDensityThreads = 128;
constexpr int kDensityPlaces = 4;
constexpr int kDensityStride = kDensityThreads * kDensityPlaces;

// The numbers of shalab::Likelihood::Family.
enum class EventFamily : int { normal = 0, laplace = 1, bernoulli = 2 };

// term: of one element, with x the datum and m its parameter; kFactor: of the
// terms' sum in the density; slope: derivative of the density by m.
template <EventFamily family>
struct EventDensity;

// -(x - m)^2 / 2
template <>
struct EventDensity<EventFamily::normal> {
  static SHALAB_HOST_DEVICE float term(float m, float x) {
    return times(x - m, x - m);
  }
  static constexpr float kFactor = -0.5f;
  static SHALAB_HOST_DEVICE float slope(float m, float x) { return x - m; }
};

// -|x - m|
template <>
struct EventDensity<EventFamily::laplace> {
  static SHALAB_HOST_DEVICE float term(float m, float x) {
    return fabsf(x - m);
  }
  static constexpr float kFactor = -1.0f;
  static SHALAB_HOST_DEVICE float slope(float m, float x) {
    return static_cast<float>((x > m) - (x < m));
  }
};

// x m - log(1 + exp m), m a logit
template <>
struct EventDensity<EventFamily::bernoulli> {
  static SHALAB_HOST_DEVICE float term(float m, float x) {
    const float softplus = plus(fmaxf(m, 0.0f), log1pf(expf(-fabsf(m))));
    return plus(times(x, m), -softplus);
  }
  static constexpr float kFactor = 1.0f;
  static SHALAB_HOST_DEVICE float slope(float m, float x) {
    return x - 1.0f / plus(1.0f, expf(-m));
  }
};

// factor times the density, less shift.
struct DensityAffine {
  float factor = 1.0f;
  float shift = 0.0f;
};

template <EventFamily family>
SHALAB_HOST_DEVICE inline float finished(float sum, DensityAffine affine) {
  return plus(times(EventDensity<family>::kFactor * affine.factor, sum),
              -affine.shift);
}

// How a row is divided among blocks.
struct RowPieces {
  std::int64_t count;
  std::int64_t size;  // elements, a multiple of kDensityPlaces
};

// One block a row where there are rows enough for the largest chips (132
// multiprocessors, four blocks each), else as many as reach that number, with
// at least four rounds of each thread in a piece.
inline RowPieces pieces_of(std::int64_t rows, std::int64_t event) {
  constexpr std::int64_t kBlocks = 132 * 4;
  constexpr std::int64_t kLeast = 4 * kDensityStride;
  const std::int64_t wanted = rows > 0 ? (kBlocks + rows - 1) / rows : 1;
  const std::int64_t possible = (event + kLeast - 1) / kLeast;
  const std::int64_t count = wanted < possible ? wanted : possible;
  if (count <= 1) return {1, (event + 3) / 4 * 4};
  const std::int64_t size = ((event + count - 1) / count + 3) / 4 * 4;
  return {(event + size - 1) / size, size};
}

}  // namespace shalab::gpu
