#include <ATen/ATen.h>
#include <gtest/gtest.h>

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
