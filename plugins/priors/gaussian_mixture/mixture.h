#pragma once
// K Gaussians with weights, in double, on standardised latents y.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace shalab::gaussian_mixture {

// Rows of y that one call looks at: [rows, K, D] stays some tens of MB.
inline constexpr std::int64_t kRowsAtOnce = 2048;

// K components over y [., D]; `scale` is the Cholesky factor of each
// covariance [K, D, D], or the standard deviations [K, D] when diagonal.
struct Mixture {
  at::Tensor weights;  // [K]
  at::Tensor means;    // [K, D]
  at::Tensor scale;

  bool is_full() const { return scale.dim() == 3; }
};

// log w_k + log N(y; mean_k, covariance_k), [N, K] for y [N, D]. Gradient: to
// y.
class ComponentDensity {
 public:
  explicit ComponentDensity(const Mixture& mixture);

  at::Tensor operator()(const at::Tensor& y) const;

 private:
  // Squared Mahalanobis distance [N, K]
  at::Tensor distance(const at::Tensor& y) const;

  std::int64_t components_, latent_;
  at::Tensor constant_;                            // [K]
  at::Tensor whitening_, shift_;                   // full: [D, KD], [KD]
  at::Tensor precision_, weighted_mean_, square_;  // diagonal: [K, D], [K]
};

}  // namespace shalab::gaussian_mixture
