#pragma once
// Weights and images that tools/oracles/inception.py makes too.

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "shalab/nn/inception.h"

namespace shalab {

inline std::uint32_t fnv1a(const std::string& name) {
  std::uint32_t digest = 2166136261U;
  for (const char letter : name) {
    digest = (digest ^ static_cast<unsigned char>(letter)) * 16777619U;
  }
  return digest;
}

// In [-0.5, 0.5).
inline double formula_uniform(std::uint32_t i, std::uint32_t seed) {
  std::uint32_t h = i * 2654435761U + seed;
  h ^= h >> 15U;
  h *= 2246822519U;
  h ^= h >> 13U;
  return h / 4294967296.0 - 0.5;
}

inline at::Tensor formula_weight(const std::string& name,
                                 const std::vector<std::int64_t>& shape) {
  double scale = 0.4, shift = 0.0;
  if (name.ends_with("conv.weight")) {
    scale =
        std::sqrt(24.0 / static_cast<double>(shape[1] * shape[2] * shape[3]));
  } else if (name.ends_with(".bn.weight") || name.ends_with(".running_var")) {
    shift = 1.0;
  }
  at::Tensor result = at::empty(shape, at::kFloat);
  auto* values = result.mutable_data_ptr<float>();
  const std::uint32_t seed = fnv1a(name);
  for (std::int64_t i = 0; i < result.numel(); ++i) {
    values[i] = static_cast<float>(
        shift + scale * formula_uniform(static_cast<std::uint32_t>(i), seed));
  }
  return result;
}

inline std::map<std::string, at::Tensor> formula_inception_weights() {
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, shape] : inception_weight_shapes()) {
    weights[name] = formula_weight(name, shape);
  }
  return weights;
}

// [1, C, H, W] in [0, 1).
inline at::Tensor formula_image(std::int64_t channels, std::int64_t height,
                                std::int64_t width, double a, double b) {
  const auto c = at::arange(channels, at::kDouble).view({-1, 1, 1});
  const auto y = at::arange(height, at::kDouble).view({1, -1, 1});
  const auto x = at::arange(width, at::kDouble).view({1, 1, -1});
  const at::Tensor value =
      a * (y + 1.0).square() + b * (x + 1.0) + 0.37 * (c + 1.0) + 0.011 * x * y;
  return (value - value.floor()).to(at::kFloat).unsqueeze(0);
}

}  // namespace shalab
