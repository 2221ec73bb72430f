#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "../load.h"
#include "shalab/prior.h"
#include "shalab/random.h"

namespace shalab {
namespace standard_normal_test {

std::shared_ptr<Prior> make_standard_normal(std::int64_t latent) {
  return make_plugin<Factory_prior>("prior", "standard_normal",
                                    PriorContext{latent, {}, {}});
}

TEST(StandardNormal, HasItsDensity) {
  const auto prior = make_standard_normal(2);
  const at::Tensor z = at::tensor({1.0f, 2.0f}).view({1, 2});
  EXPECT_NEAR(prior->log_prob(z).item<double>(), -2.5 - 1.837877, 1e-5);
  EXPECT_EQ(prior->log_prob(at::randn({3, 4, 2})).sizes(),
            at::IntArrayRef({3, 4}));
}

// 1/2 (1 + 4 - 1 - 0) = 2, and 1/2 (e - 1 - 1) for a variance of e.
TEST(StandardNormal, KlFromANormalIsTheClosedForm) {
  const auto prior = make_standard_normal(1);
  const auto q = Posterior::normal(at::tensor({2.0f, 0.0f}).view({2, 1}),
                                   at::tensor({0.0f, 1.0f}).view({2, 1}));
  const at::Tensor kl = *prior->kl_from(q);
  EXPECT_NEAR(kl[0].item<double>(), 2.0, 1e-5);
  EXPECT_NEAR(kl[1].item<double>(), 0.5 * (std::exp(1.0) - 2), 1e-5);
}

// Against the automatic derivative of the KL between any two normals.
TEST(StandardNormal, KlFromANormalHasItsGradients) {
  const auto prior = make_standard_normal(3);
  const at::Tensor mean = at::randn({4, 3}).requires_grad_();
  const at::Tensor log_var = at::randn({4, 3}).requires_grad_();
  const auto q = Posterior::normal(mean, log_var);
  const at::Tensor zero = at::zeros({4, 3}), slopes = at::randn({4});
  const auto slope = [&](const at::Tensor& kl) {
    return torch::autograd::grad({(slopes * kl).sum()}, {mean, log_var});
  };
  const auto fast = slope(*prior->kl_from(q));
  const auto naive = slope(*q.kl_to(Posterior::normal(zero, zero)));
  EXPECT_TRUE(at::allclose(fast[0], naive[0], 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(fast[1], naive[1], 1e-5, 1e-6));
}

TEST(StandardNormal, HasNoClosedFormFromOtherFamilies) {
  const auto prior = make_standard_normal(1);
  const at::Tensor one = at::ones({1, 1});
  EXPECT_FALSE(prior->kl_from(Posterior::laplace(one, one)));
}

TEST(StandardNormal, DrawsHaveItsMoments) {
  const std::int64_t n = 20000;
  auto generator = make_generator(1, "sample");
  const at::Tensor z = make_standard_normal(1)->sample(n, generator).z;
  EXPECT_NEAR(z.mean().item<double>(), 0.0, 5 / std::sqrt(n));
  EXPECT_NEAR(z.square().mean().item<double>(), 1.0, 5 * std::sqrt(2.0 / n));
}

}  // namespace standard_normal_test
}  // namespace shalab
