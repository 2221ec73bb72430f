#pragma once
// The experts inside a fusion, from its parameters.

#include <cmath>
#include <string>
#include <vector>

#include "features.h"

namespace shalab {

struct Expert {
  at::Tensor mean;     // [B, D]
  at::Tensor log_var;  // [B, D]
};

inline Expert expert_of(const Fusion& fusion,
                        const std::vector<Features>& features, std::size_t m) {
  const auto p = fusion.named_parameters();
  const std::string name = "experts.m" + std::to_string(m);
  const auto linear = [&](const std::string& part) {
    return at::linear(features[m].shared, p[name + "." + part + ".weight"],
                      p[name + "." + part + ".bias"]);
  };
  return {linear("location"), linear("scale")};
}

// Product of the experts in `members`, by sums of precisions in double.
inline Expert product_of(const Fusion& fusion,
                         const std::vector<Features>& features,
                         const std::vector<std::size_t>& members,
                         bool with_prior) {
  at::Tensor precision;
  at::Tensor weighted;
  for (const std::size_t m : members) {
    const Expert expert = expert_of(fusion, features, m);
    const at::Tensor own = (-expert.log_var.to(at::kDouble)).exp();
    precision = precision.defined() ? precision + own : own;
    const at::Tensor part = own * expert.mean;
    weighted = weighted.defined() ? weighted + part : part;
  }
  if (with_prior) precision = precision + 1;
  return {(weighted / precision).to(at::kFloat),
          (-precision.log()).to(at::kFloat)};
}

inline void expect_equal(const Posterior& q, const Expert& expected) {
  EXPECT_TRUE(at::allclose(q.mean(), expected.mean, 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(q.log_var(), expected.log_var, 1e-4, 1e-5));
}

// presence [B, M] with the same row for every sample.
inline at::Tensor presence_of(const std::vector<bool>& row,
                              std::int64_t batch) {
  at::Tensor presence =
      at::zeros({batch, static_cast<std::int64_t>(row.size())}, at::kBool);
  for (std::size_t m = 0; m < row.size(); ++m) {
    presence.select(1, static_cast<std::int64_t>(m)).fill_(row[m]);
  }
  return presence;
}

}  // namespace shalab
