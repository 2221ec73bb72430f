#pragma once
// Draws and densities of latents under diagonal components, an item of a result
// at a time, each with its sums in one fixed order: equal runs give equal bits.

#include <cmath>
#include <cstdint>

#include "arithmetic/portable.h"

namespace shalab::gpu {

constexpr int kLatentThreads = 128;  // of a block, which sums one density

// The numbers of shalab::Posterior::Family.
enum class LatentFamily : int { normal = 0, laplace = 1 };

// s is the spread: log variance of a normal, scale of a laplace. term and
// finished: of log q(e), e the error z - m; slope: its derivative by m;
// to_spread: that by s, from the sum of slope * e - 1; scale: of a draw's
// noise, and scale_slope its derivative by s.
template <LatentFamily family>
struct LatentDensity;

template <>
struct LatentDensity<LatentFamily::normal> {
  static constexpr float kLogTau = 1.8378770664093453f;  // log 2 pi
  static SHALAB_HOST_DEVICE float term(float e, float s) {
    return plus(times(times(e, e), expf(-s)), plus(s, kLogTau));
  }
  static SHALAB_HOST_DEVICE float finished(float sum) { return -0.5f * sum; }
  static SHALAB_HOST_DEVICE float slope(float e, float s) {
    return times(e, expf(-s));
  }
  static SHALAB_HOST_DEVICE float to_spread(float sum, float /*s*/) {
    return 0.5f * sum;
  }
  static SHALAB_HOST_DEVICE float scale(float s) { return expf(0.5f * s); }
  static SHALAB_HOST_DEVICE float scale_slope(float s) {
    return 0.5f * expf(0.5f * s);
  }
};

template <>
struct LatentDensity<LatentFamily::laplace> {
  static SHALAB_HOST_DEVICE float term(float e, float s) {
    return plus(over(fabsf(e), s), logf(2.0f * s));
  }
  static SHALAB_HOST_DEVICE float finished(float sum) { return -sum; }
  static SHALAB_HOST_DEVICE float slope(float e, float s) {
    return over(static_cast<float>((e > 0.0f) - (e < 0.0f)), s);
  }
  static SHALAB_HOST_DEVICE float to_spread(float sum, float s) {
    return over(sum, s);
  }
  static SHALAB_HOST_DEVICE float scale(float s) { return s; }
  static SHALAB_HOST_DEVICE float scale_slope(float /*s*/) { return 1.0f; }
};

// Contiguous, fp32: z [draws, batch, size], location and spread [components,
// batch, size]. All sizes are > 0.
struct LatentTerms {
  std::int64_t draws;
  std::int64_t components;
  std::int64_t batch;
  std::int64_t size;
  const float* z;
  const float* location;
  const float* spread;
};

// What thread `thread` of the block for density `item` of [draws, components,
// batch] adds to it.
template <LatentFamily family>
SHALAB_HOST_DEVICE inline float latent_thread_sum(const LatentTerms& terms,
                                                  std::int64_t item,
                                                  int thread) {
  const std::int64_t sample = item % terms.batch;
  const std::int64_t component = item / terms.batch % terms.components;
  const std::int64_t draw = item / terms.batch / terms.components;
  const std::int64_t at_z = (draw * terms.batch + sample) * terms.size;
  const std::int64_t at_m = (component * terms.batch + sample) * terms.size;
  float sum = 0.0f;
  for (std::int64_t d = thread; d < terms.size; d += kLatentThreads) {
    const float error = plus(terms.z[at_z + d], -terms.location[at_m + d]);
    sum = plus(sum, LatentDensity<family>::term(error, terms.spread[at_m + d]));
  }
  return sum;
}

// Gradient to item `item` of z from `gradient` [draws, components, batch].
template <LatentFamily family>
SHALAB_HOST_DEVICE inline float latent_to_z(const LatentTerms& terms,
                                            const float* gradient,
                                            std::int64_t item) {
  const std::int64_t row = terms.batch * terms.size;
  const std::int64_t place = item % row, draw = item / row;
  const float* from =
      gradient + draw * terms.components * terms.batch + place / terms.size;
  const float z = terms.z[item];
  float sum = 0.0f;
  for (std::int64_t c = 0; c < terms.components; ++c) {
    const std::int64_t at = c * row + place;
    const float error = plus(z, -terms.location[at]);
    sum = plus(sum, times(LatentDensity<family>::slope(error, terms.spread[at]),
                          from[c * terms.batch]));
  }
  return -sum;
}

struct LatentPair {
  float location;
  float spread;
};

// Gradients to item `item` of location and of spread.
template <LatentFamily family>
SHALAB_HOST_DEVICE inline LatentPair latent_to_component(
    const LatentTerms& terms, const float* gradient, std::int64_t item) {
  const std::int64_t row = terms.batch * terms.size;
  const std::int64_t place = item % row, component = item / row;
  const float* from = gradient + component * terms.batch + place / terms.size;
  const float m = terms.location[item], s = terms.spread[item];
  float to_location = 0.0f, excess = 0.0f;
  for (std::int64_t draw = 0; draw < terms.draws; ++draw) {
    const float error = plus(terms.z[draw * row + place], -m);
    const float weight = from[draw * terms.components * terms.batch];
    const float by_error =
        times(LatentDensity<family>::slope(error, s), weight);
    to_location = plus(to_location, by_error);
    excess = plus(excess, plus(times(by_error, error), -weight));
  }
  return {to_location, LatentDensity<family>::to_spread(excess, s)};
}

// Contiguous, fp32: location and spread [count], noise [draws, count]. Both
// sizes are > 0.
struct LatentNoise {
  std::int64_t draws;
  std::int64_t count;
  const float* spread;
  const float* noise;
};

template <LatentFamily family>
SHALAB_HOST_DEVICE inline float latent_draw(const LatentNoise& from,
                                            const float* location,
                                            std::int64_t item) {
  const std::int64_t place = item % from.count;
  return plus(location[place],
              times(LatentDensity<family>::scale(from.spread[place]),
                    from.noise[item]));
}

// Gradients to place `place` of location and of spread from `gradient` [draws,
// count].
template <LatentFamily family>
SHALAB_HOST_DEVICE inline LatentPair latent_draw_gradients(
    const LatentNoise& from, const float* gradient, std::int64_t place) {
  float to_location = 0.0f, to_scale = 0.0f;
  for (std::int64_t at = place; at < from.draws * from.count;
       at += from.count) {
    to_location = plus(to_location, gradient[at]);
    to_scale = plus(to_scale, times(gradient[at], from.noise[at]));
  }
  return {
      to_location,
      times(to_scale, LatentDensity<family>::scale_slope(from.spread[place]))};
}

}  // namespace shalab::gpu
