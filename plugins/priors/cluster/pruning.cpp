#include "pruning.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace shalab::cluster {

namespace {

constexpr double kRemoved = -std::numeric_limits<double>::infinity();
constexpr double kFloor = 1e-20;

// Mean over the valid readings of a tuple, [N, ...] of [R, N, ...].
at::Tensor over_readings(const at::Tensor& x, const at::Tensor& is_valid) {
  at::Tensor weight = is_valid.to(x.scalar_type());
  weight = weight / weight.sum(0).clamp_min(1);
  return x.dim() == 3 ? (x * weight.unsqueeze(2)).sum(0) : (x * weight).sum(0);
}

at::Tensor favourites(const at::Tensor& responsibility,
                      const at::Tensor& is_valid) {
  const at::Tensor choice = at::one_hot(responsibility.argmax(-1),
                                        responsibility.size(-1));  // [R, N, C]
  return (choice * is_valid.unsqueeze(2)).sum(0).argmax(-1);
}

}  // namespace

at::Tensor log_shares(const at::Tensor& logits, const at::Tensor& is_kept) {
  return at::log_softmax(at::where(is_kept, logits, kRemoved), 0);
}

Criterion criterion_of(const Readings& readings, const at::Tensor& log_shares,
                       double entropy_weight) {
  const at::Tensor joint = readings.log_density + log_shares;
  const at::Tensor log_likelihood = at::logsumexp(joint, -1);
  const at::Tensor responsibility =
      (joint - log_likelihood.unsqueeze(-1)).exp();
  const auto clusters = static_cast<double>(log_shares.size(0));
  const at::Tensor entropy =
      -(responsibility * responsibility.clamp_min(kFloor).log()).sum(-1) /
      std::log(clusters);
  const at::Tensor penalty =
      entropy_weight * entropy - log_likelihood / readings.latent;
  Criterion result;
  result.value =
      over_readings(penalty, readings.is_valid).mean().item<double>();
  const at::Tensor certainty =
      over_readings(responsibility, readings.is_valid).amax(-1);
  result.mass = at::zeros_like(log_shares)
                    .index_add(0, favourites(responsibility, readings.is_valid),
                               certainty);
  return result;
}

at::Tensor survivors_of(const Readings& readings, const at::Tensor& logits,
                        double entropy_weight) {
  at::Tensor is_kept = at::ones_like(logits, at::kBool);
  at::Tensor best = is_kept;
  const std::int64_t clusters = logits.size(0);
  if (clusters < 2) return best;
  Criterion now =
      criterion_of(readings, log_shares(logits, is_kept), entropy_weight);
  double lowest = now.value;
  for (std::int64_t left = clusters - 1; left >= 2; --left) {
    const at::Tensor least =
        at::where(is_kept, now.mass, -kRemoved).argmin().view({1});
    is_kept = is_kept.index_fill(0, least, false);
    now = criterion_of(readings, log_shares(logits, is_kept), entropy_weight);
    if (now.value < lowest) {
      lowest = now.value;
      best = is_kept;
    }
  }
  return best;
}

}  // namespace shalab::cluster
