#pragma once
// Fusions over small vector modalities.

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "../load.h"
#include "shalab/fusion.h"

namespace shalab {

inline FusionContext fusion_context(const std::vector<std::int64_t>& sizes,
                                    std::int64_t latent) {
  FusionContext context;
  for (std::size_t m = 0; m < sizes.size(); ++m) {
    ModalitySpec spec;
    spec.name = "m" + std::to_string(m);
    spec.shape = {2};
    context.modalities.push_back(spec);
  }
  context.features = sizes;
  context.latent = latent;
  return context;
}

inline std::vector<Features> random_features(
    const std::vector<std::int64_t>& sizes, std::int64_t batch) {
  std::vector<Features> features;
  for (const std::int64_t size : sizes) {
    features.push_back({at::randn({batch, size}), {}});
  }
  return features;
}

inline at::Tensor all_present(std::int64_t batch, std::int64_t count) {
  return at::ones({batch, count}, at::kBool);
}

}  // namespace shalab
