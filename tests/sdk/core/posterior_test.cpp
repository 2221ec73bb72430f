#include "shalab/posterior.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {
namespace posterior_test {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

at::Tensor column(float value) { return at::full({1, 1}, value); }

// Dirac components at 0, 1, ..., so that a draw tells its component.
Posterior numbered(const at::Tensor& log_weights) {
  std::vector<Posterior> components;
  for (std::int64_t c = 0; c < log_weights.size(0); ++c) {
    components.push_back(Posterior::dirac(
        at::full({log_weights.size(1), 1}, static_cast<float>(c))));
  }
  return Posterior::mixture(log_weights, components);
}

at::Tensor uniform_weights(std::int64_t count, std::int64_t batch) {
  return at::full({count, batch}, -std::log(static_cast<double>(count)),
                  at::kFloat);
}

// The estimate's own standard error, five times.
void expect_kl_by_draws(const Posterior& q, const Posterior& p) {
  auto generator = make_generator(3, "kl");
  const at::Tensor z = q.rsample(20000, generator);
  const at::Tensor ratio =
      (q.log_prob(z) - p.log_prob(z)).squeeze(1).to(at::kDouble);
  const double bound =
      5 * ratio.std().item<double>() / std::sqrt(ratio.numel());
  EXPECT_NEAR(q.kl_to(p)->item<double>(), ratio.mean().item<double>(), bound);
  EXPECT_LT(bound, 0.2);
}

TEST(Posterior, OfANormalHasItsDensity) {
  const auto q = Posterior::normal(at::zeros({1, 2}), at::zeros({1, 2}));
  EXPECT_NEAR(q.log_prob(at::zeros({1, 2})).item<double>(), -1.837877, 1e-5);
}

TEST(Posterior, DensityRepeatsASingleRow) {
  const auto many = Posterior::normal(at::randn({4, 3}), at::randn({4, 3}));
  const at::Tensor one = at::randn({2, 1, 3});
  EXPECT_TRUE(
      at::equal(many.log_prob(one), many.log_prob(one.expand({2, 4, 3}))));
  const auto single = Posterior::laplace(at::zeros({1, 3}), at::ones({1, 3}));
  EXPECT_TRUE(at::equal(single.log_prob(one.expand({2, 4, 3})),
                        single.log_prob(one).expand({2, 4})));
  EXPECT_EQ(single.log_prob(at::empty({0, 3})).sizes(), at::IntArrayRef({0}));
}

TEST(Posterior, KlOfNormalsIsTheClosedForm) {
  const auto q = Posterior::normal(column(1), column(0));
  const auto p = Posterior::normal(column(0), column(std::log(4.0f)));
  EXPECT_NEAR(q.kl_to(p)->item<double>(), 0.443147, 1e-5);
  EXPECT_NEAR(q.kl_to(q)->item<double>(), 0.0, 1e-7);
}

TEST(Posterior, KlOfLaplacesIsTheClosedForm) {
  const auto q = Posterior::laplace(column(0), column(1));
  const auto p = Posterior::laplace(column(1), column(2));
  EXPECT_NEAR(q.kl_to(p)->item<double>(), 0.377087, 1e-5);
}

TEST(Posterior, KlAgreesWithDraws) {
  const at::Tensor mean = at::tensor({0.5f, -1.0f, 2.0f}).view({1, 3});
  const at::Tensor spread = at::tensor({0.3f, 0.7f, 1.1f}).view({1, 3});
  const at::Tensor zero = at::zeros({1, 3});
  expect_kl_by_draws(Posterior::normal(mean, spread.log()),
                     Posterior::normal(zero, zero));
  expect_kl_by_draws(Posterior::laplace(mean, spread),
                     Posterior::laplace(zero, at::ones({1, 3})));
}

TEST(Posterior, HasNoKlAcrossFamilies) {
  const auto normal = Posterior::normal(column(0), column(0));
  EXPECT_FALSE(normal.kl_to(Posterior::laplace(column(0), column(1))));
}

TEST(Posterior, DrawsAreReparameterised) {
  at::Tensor mean = at::zeros({2, 3}).requires_grad_();
  at::Tensor log_var = at::zeros({2, 3}).requires_grad_();
  auto generator = make_generator(1, "draws");
  const at::Tensor z = Posterior::normal(mean, log_var).rsample(4, generator);
  ASSERT_EQ(z.sizes(), at::IntArrayRef({4, 2, 3}));
  z.sum().backward();
  EXPECT_TRUE(at::allclose(mean.grad(), at::full({2, 3}, 4.0f)));
  EXPECT_TRUE(at::allclose(log_var.grad(), 0.5 * z.detach().sum(0)));
}

TEST(Posterior, EqualGeneratorsGiveEqualDraws) {
  const auto q = Posterior::laplace(at::zeros({2, 3}), at::ones({2, 3}));
  auto first = make_generator(1, "draws");
  auto second = make_generator(1, "draws");
  EXPECT_TRUE(at::equal(q.rsample(2, first), q.rsample(2, second)));
  EXPECT_FALSE(at::equal(q.rsample(2, first), q.rsample(2, first)));
}

TEST(Posterior, OfADiracHasNoDensityAndNoVariance) {
  const auto q = Posterior::dirac(column(3));
  EXPECT_EQ(q.variance().item<float>(), 0.0f);
  try {
    q.log_prob(column(3));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::run);
  }
}

TEST(Mixture, DensityIsTheWeightedSum) {
  const at::Tensor weights = at::tensor({0.25f, 0.75f}).view({2, 1}).log();
  const auto a = Posterior::normal(column(0), column(0));
  const auto b = Posterior::normal(column(2), column(0));
  const auto q = Posterior::mixture(weights, {a, b});
  // 0.25 N(1; 0, 1) + 0.75 N(1; 2, 1) = N(1; 0, 1) = 0.2419707
  EXPECT_NEAR(q.log_prob(column(1)).item<double>(), std::log(0.2419707), 1e-5);
  const at::Tensor z = at::randn({5, 7, 1, 1});
  EXPECT_EQ(q.log_prob(z).sizes(), at::IntArrayRef({5, 7, 1}));
}

TEST(Mixture, AWeightOfMinusInfinityRemovesAComponent) {
  const at::Tensor weights =
      at::tensor({0.0, kMinusInfinity}).view({2, 1}).to(at::kFloat);
  at::Tensor removed = column(2).requires_grad_();
  const auto kept = Posterior::normal(column(0), column(0));
  const auto q = Posterior::mixture(
      weights, {kept, Posterior::normal(removed, column(0))});
  const at::Tensor log_prob = q.log_prob(column(1));
  EXPECT_TRUE(at::allclose(log_prob, kept.log_prob(column(1))));
  log_prob.sum().backward();
  EXPECT_EQ(removed.grad().item<float>(), 0.0f);
  EXPECT_EQ(q.mean().item<float>(), 0.0f);
}

TEST(Mixture, MomentsCountTheSpreadOfTheMeans) {
  const auto a = Posterior::normal(column(-1), column(0));
  const auto b = Posterior::normal(column(1), column(0));
  const auto q = Posterior::mixture(uniform_weights(2, 1), {a, b});
  EXPECT_NEAR(q.mean().item<double>(), 0.0, 1e-6);
  EXPECT_NEAR(q.variance().item<double>(), 2.0, 1e-6);
}

TEST(Mixture, DrawsSplitTheBatchEvenly) {
  auto generator = make_generator(1, "partition");
  const at::Tensor z = numbered(uniform_weights(5, 100)).rsample(3, generator);
  for (std::int64_t k = 0; k < 3; ++k) {
    for (int c = 0; c < 5; ++c) {
      EXPECT_EQ((z[k] == c).sum().item<std::int64_t>(), 20);
    }
  }
  EXPECT_FALSE(at::equal(z[0], z[1]));
}

TEST(Mixture, DrawsFollowTheWeightsOfEachSample) {
  const std::int64_t n = 20000;
  const at::Tensor weights =
      at::tensor({0.7, 0.0, 0.3, 0.0, 0.0, 1.0}).view({2, 3}).t().log();
  auto generator = make_generator(1, "shares");
  const at::Tensor z = numbered(weights).rsample(n, generator);
  EXPECT_TRUE((z.select(1, 1) == 2).all().item<bool>());
  const double share =
      (z.select(1, 0) == 2).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(share, 0.3, 5 * std::sqrt(0.21 / n));
  EXPECT_EQ((z.select(1, 0) == 1).sum().item<std::int64_t>(), 0);
}

TEST(Mixture, NoGradientFlowsToTheWeightsOfADraw) {
  at::Tensor weights = uniform_weights(2, 4).requires_grad_();
  at::Tensor mean = at::zeros({4, 1}).requires_grad_();
  const auto a = Posterior::normal(mean, at::zeros({4, 1}));
  auto generator = make_generator(1, "gradient");
  Posterior::mixture(weights, {a, a}).rsample(1, generator).sum().backward();
  EXPECT_FALSE(weights.grad().defined());
  EXPECT_TRUE(at::allclose(mean.grad(), at::ones({4, 1})));
}

TEST(Mixture, DetachedCutsAllParameters) {
  at::Tensor mean = column(0).requires_grad_();
  const auto a = Posterior::normal(mean, column(0));
  const auto q = Posterior::mixture(uniform_weights(2, 1), {a, a}).detached();
  EXPECT_FALSE(q.log_prob(column(1)).requires_grad());
  EXPECT_FALSE(q.components()[1].mean().requires_grad());
}

TEST(Mixture, OfRowsIsTheMixtureOfTheirBlocks) {
  const at::Tensor mean = at::randn({6, 2});
  const at::Tensor log_var = at::randn({6, 2});
  const auto block = [&](std::int64_t c) {
    return Posterior::normal(mean.narrow(0, 3 * c, 3),
                             log_var.narrow(0, 3 * c, 3));
  };
  const auto weights = uniform_weights(2, 3);
  const auto of_rows =
      Posterior::mixture_of_rows(weights, Posterior::normal(mean, log_var));
  const auto of_blocks = Posterior::mixture(weights, {block(0), block(1)});
  const at::Tensor z = at::randn({4, 3, 2});
  EXPECT_TRUE(at::equal(of_rows.log_prob(z), of_blocks.log_prob(z)));
  EXPECT_TRUE(at::equal(of_blocks.rows().mean(), mean));
  EXPECT_TRUE(at::equal(of_blocks.rows().log_var(), log_var));
  EXPECT_TRUE(at::equal(of_rows.components()[1].mean(), block(1).mean()));
}

TEST(Mixture, HeaviestPicksByTheWeightsOfEachSample) {
  const at::Tensor weights =
      at::tensor({0.7, 0.1, 0.2, 0.0, 0.1, 0.9}).view({2, 3}).t().log();
  const at::Tensor picked = numbered(weights).heaviest().mean();
  EXPECT_EQ(picked.select(1, 0)[0].item<float>(), 0.0f);
  EXPECT_EQ(picked.select(1, 0)[1].item<float>(), 2.0f);
}

TEST(Mixture, IndependentDrawsDoNotSplitTheBatchEvenly) {
  std::vector<Posterior> components;
  for (const float c : {0.0f, 1.0f}) {
    components.push_back(Posterior::dirac(at::full({100, 1}, c)));
  }
  const auto q = Posterior::mixture(uniform_weights(2, 100), components,
                                    Posterior::Choice::independent);
  auto generator = make_generator(1, "independent");
  const std::int64_t n = 400;
  const at::Tensor counts =
      q.rsample(n, generator).sum(1).squeeze(1).to(at::kDouble);
  // Binomial(100, 1/2): variance 25, of whose estimate the deviation is
  // 25 * sqrt(2 / n).
  EXPECT_NEAR(counts.mean().item<double>(), 50, 5 * std::sqrt(25.0 / n));
  EXPECT_NEAR(counts.var().item<double>(), 25, 5 * 25 * std::sqrt(2.0 / n));
}

TEST(Posterior, RepeatedHasTheSamplesOverAndOver) {
  const at::Tensor mean = at::randn({2, 3});
  const auto q = Posterior::normal(mean, mean).repeated(2);
  EXPECT_TRUE(at::equal(q.mean(), at::cat({mean, mean})));
  EXPECT_TRUE(at::equal(q.log_var(), at::cat({mean, mean})));
  const auto mixture =
      Posterior::mixture(uniform_weights(2, 1), {Posterior::dirac(column(0)),
                                                 Posterior::dirac(column(1))})
          .repeated(3);
  EXPECT_TRUE(at::allclose(mixture.mean(), at::full({3, 1}, 0.5f)));
  EXPECT_EQ(mixture.components()[1].mean().sizes(), at::IntArrayRef({3, 1}));
}

TEST(Mixture, RefusesNestingMixedFamiliesAndWrongWeights) {
  const auto a = Posterior::normal(column(0), column(0));
  const auto b = Posterior::laplace(column(0), column(1));
  const auto two = uniform_weights(2, 1);
  EXPECT_THROW(Posterior::mixture(two, {a, b}), Error);
  EXPECT_THROW(Posterior::mixture(uniform_weights(3, 1), {a, a}), Error);
  const auto inner = Posterior::mixture(two, {a, a});
  EXPECT_THROW(Posterior::mixture(two, {inner, inner}), Error);
  EXPECT_THROW(inner.log_var(), Error);
}

}  // namespace posterior_test
}  // namespace shalab
