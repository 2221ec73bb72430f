#pragma once
// k-nearest-neighbour manifolds of samples (Kynkäänniemi et al. 2019).
// Shape letters: N points, D dimensions, B batch.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace shalab::latent_map {

// The union of balls around N points, each as wide as the distance to its
// k-th nearest other point. Its volume shrinks as N grows, so numbers are
// compared at one N only. Euclidean distances, not scaled, in double.
class Manifold {
 public:
  // points [N, D], N > k. Keeps them.
  Manifold(const at::Tensor& points, std::int64_t k);

  // bool [B]: which rows of x [B, D] lie in a ball, its surface included.
  at::Tensor contains(const at::Tensor& x) const;

 private:
  at::Tensor points_;
  at::Tensor radii_;  // [N]
};

}  // namespace shalab::latent_map
