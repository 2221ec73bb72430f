#pragma once
// Guidance: a weighted sum of predictions.
//
// Noise, velocity and z_0 are affine in one another at a given z and t, so a
// sum with weights that add to one means the same for all three.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "network.h"

namespace shalab::diffusion {

struct Term {
  Network* network;
  at::Tensor condition;  // [B, W]; undefined = null
  double weight;
};

class GuidedPrediction {
 public:
  // A joint draw: early + s (own - early), s = 1 is `own` alone.
  static GuidedPrediction joint(Network& own, Network* early, double s);
  // null + g (mean over `conditions` [B, W] - null). g = 1 leaves the null
  // term out; g = 0 is `own` without a condition, exactly.
  static GuidedPrediction conditional(Network& own, Network& null_network,
                                      const std::vector<at::Tensor>& conditions,
                                      double g);

  // z [B, D] at the time index -> [B, D]. Terms of one network are one call on
  // their rows stacked.
  at::Tensor predict(const at::Tensor& z, double time_index) const;
  // Network evaluations per sample that one call costs.
  std::int64_t evaluations() const {
    return static_cast<std::int64_t>(terms_.size());
  }

 private:
  std::vector<at::Tensor> predictions_of(std::size_t first, std::size_t last,
                                         const at::Tensor& z,
                                         const at::Tensor& time) const;

  std::vector<Term> terms_;  // those of one network side by side
};

}  // namespace shalab::diffusion
