#include "shalab/likelihood.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {
namespace likelihood_test {

TEST(Likelihood, OfANormalHasItsConstants) {
  const auto likelihood = Likelihood::normal(at::zeros({1, 2}), 2.0, 1);
  const at::Tensor x = at::tensor({1.0f, 2.0f}).view({1, 2});
  EXPECT_NEAR(likelihood.log_prob(x).item<double>(), -3.849172, 1e-5);
}

TEST(Likelihood, OfALaplaceHasItsConstants) {
  const auto likelihood = Likelihood::laplace(at::zeros({1, 2}), 0.75, 1);
  const at::Tensor x = at::tensor({1.0f, -2.0f}).view({1, 2});
  EXPECT_NEAR(likelihood.log_prob(x).item<double>(), -4.810930, 1e-5);
}

TEST(Likelihood, OfABernoulliTakesLogits) {
  const at::Tensor logits = at::tensor({0.0f, std::log(3.0f)}).view({1, 2});
  const auto likelihood = Likelihood::bernoulli(logits, 1);
  const at::Tensor x = at::tensor({1.0f, 0.0f}).view({1, 2});
  EXPECT_NEAR(likelihood.log_prob(x).item<double>(), -2.079442, 1e-5);
  EXPECT_NEAR(likelihood.mean()[0][1].item<double>(), 0.75, 1e-6);
}

TEST(Likelihood, OfACategoricalSumsOverPositions) {
  const at::Tensor logits =
      at::tensor({0.0f, std::log(3.0f), 5.0f, 5.0f}).view({1, 2, 2});
  const auto likelihood = Likelihood::categorical(logits);
  const at::Tensor x = at::tensor({1, 0}, at::kLong).view({1, 2});
  EXPECT_NEAR(likelihood.log_prob(x).item<double>(), -0.980829, 1e-5);
  EXPECT_EQ(likelihood.mode()[0][0].item<std::int64_t>(), 1);
}

TEST(Likelihood, BroadcastsDataAgainstLeadingDimensions) {
  const at::Tensor x = at::randn({4, 2, 3});
  const auto flat = Likelihood::normal(at::randn({5 * 4, 2, 3}), 1.0, 2);
  const auto folded = flat.unflatten(5, 4);
  const at::Tensor all = folded.log_prob(x);
  ASSERT_EQ(all.sizes(), at::IntArrayRef({5, 4}));
  const at::Tensor one =
      Likelihood::normal(flat.parameters().slice(0, 8, 12), 1.0, 2).log_prob(x);
  EXPECT_TRUE(at::allclose(all[2], one));
}

TEST(Likelihood, OfTokensBroadcastsToo) {
  const auto likelihood = Likelihood::categorical(at::randn({3, 2, 4, 5}));
  const at::Tensor x = at::randint(5, {2, 4}, at::kLong);
  EXPECT_EQ(likelihood.log_prob(x).sizes(), at::IntArrayRef({3, 2}));
}

// 1.001 is 1 in bf16, which would give -1.418939.
TEST(Likelihood, ComputesInFp32) {
  const at::Tensor mean = at::zeros({1, 1}, at::kBFloat16);
  const at::Tensor log_prob =
      Likelihood::normal(mean, 1.0, 1).log_prob(at::full({1, 1}, 1.001));
  EXPECT_EQ(log_prob.scalar_type(), at::kFloat);
  EXPECT_NEAR(log_prob.item<double>(), -1.419940, 2e-6);
}

// Var(x^2) = 20 b^4, so the sample variance has the deviation b^2 sqrt(20/n).
TEST(Likelihood, SamplesOfALaplaceHaveItsVariance) {
  const std::int64_t n = 20000;
  auto generator = make_generator(1, "laplace");
  const auto likelihood = Likelihood::laplace(at::zeros({n, 1}), 0.5, 1);
  const at::Tensor x = likelihood.sample(generator);
  const double bound = 5 * 0.25 * std::sqrt(20.0 / n);
  EXPECT_NEAR(x.square().mean().item<double>(), 0.5, bound);
}

TEST(Likelihood, SamplesOfACategoricalHaveItsShares) {
  const std::int64_t n = 20000;
  auto generator = make_generator(1, "categorical");
  const at::Tensor logits =
      at::tensor({0.0f, std::log(3.0f)}).expand({n, 1, 2});
  const at::Tensor x = Likelihood::categorical(logits).sample(generator);
  const double share = x.to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(share, 0.75, 5 * std::sqrt(0.75 * 0.25 / n));
}

TEST(Likelihood, RefusesAnUnknownFamilyAndAZeroScale) {
  EXPECT_THROW(Likelihood::of("gamma", at::zeros({1, 1}), 1.0, 1), Error);
  EXPECT_THROW(Likelihood::normal(at::zeros({1, 1}), 0.0, 1), Error);
}

}  // namespace likelihood_test
}  // namespace shalab
