#pragma once
// Which clusters survive the training (CMVAE, Palumbo et al. 2024).

#include <ATen/core/Tensor.h>

namespace shalab::cluster {

// What the criterion looks at. R readings of each of N tuples: one draw of
// q(z | x_m) by modality, or the pooled latents (R = 1).
struct Readings {
  at::Tensor log_density;  // [R, N, C]: log p(z | c)
  at::Tensor is_valid;     // bool [R, N]: does the tuple have this modality
  double latent = 1;       // D
};

// log p(c) [C] with the clusters outside `is_kept` (bool [C]) removed and the
// rest normalised again; -inf for the removed ones.
at::Tensor log_shares(const at::Tensor& logits, const at::Tensor& is_kept);

// PNE = entropy_weight * H(p(c | z)) / log C - log p(z) / D, each averaged
// over the readings of a tuple, then over tuples; the lower the better.
// `mass` [C]: for the cluster that most readings of a tuple favour (the first
// of equals), the largest mean p(c | z), summed over tuples.
struct Criterion {
  double value = 0.0;
  at::Tensor mass;
};
Criterion criterion_of(const Readings& readings, const at::Tensor& log_shares,
                       double entropy_weight);

// Drops the cluster of least mass again and again, down to two clusters, and
// returns the set of least PNE on the way, bool [C]; all of them where
// nothing is lower than at the start.
at::Tensor survivors_of(const Readings& readings, const at::Tensor& logits,
                        double entropy_weight);

}  // namespace shalab::cluster
