#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "load_prior.h"
#include "shalab/random.h"
#include "two_modes.h"

namespace shalab {
namespace flow_test {

std::shared_ptr<Prior> small_flow(std::int64_t latent = 2) {
  at::manual_seed(1);
  return make_prior(
      "flow", PriorContext{latent, {}, {}},
      {{"couplings", std::int64_t{4}}, {"hidden", std::int64_t{32}}});
}

// Random weights: a flow far from the identity.
std::shared_ptr<Prior> shaken_flow(std::int64_t latent) {
  auto prior = small_flow(latent);
  auto generator = make_generator(5, "shake");
  const at::NoGradGuard no_grad;
  for (auto& p : prior->parameters()) {
    p.copy_(at::randn(p.sizes(), generator) * 0.3);
  }
  return prior;
}

// z = (3 e_1, 1 + 1.2 e_1 + 0.5 e_2): covariance [[9, 3.6], [3.6, 1.69]],
// correlation 0.92, determinant (3 * 0.5)^2 = 2.25.
LatentSet correlated(std::int64_t rows) {
  auto generator = make_generator(2, "correlated");
  const at::Tensor e = at::randn({rows, 2}, generator);
  const at::Tensor first = e.select(1, 0), second = e.select(1, 1);
  LatentSet set;
  set.mean = at::stack({3 * first, 1 + 1.2 * first + 0.5 * second}, 1);
  return set;
}

at::Tensor true_log_prob(const at::Tensor& z) {
  const at::Tensor e1 = z.select(1, 0) / 3;
  const at::Tensor e2 = (z.select(1, 1) - 1 - 1.2 * e1) / 0.5;
  return -0.5 * (e1.square() + e2.square()) -
         std::log(2 * std::numbers::pi * 1.5);
}

// KL(p || flow) on fresh draws. A diagonal Gaussian cannot go below
// -1/2 log(1 - 0.92^2) = 0.96 nats. The bound is 0.03 and five standard errors.
TEST(Flow, RecoversACorrelatedGaussian) {
  const auto prior = small_flow();
  train(*prior, correlated(4000), 400);
  prior->eval();
  const at::NoGradGuard no_grad;
  const at::Tensor z = correlated(8000).mean.slice(0, 4000);
  const at::Tensor gap = true_log_prob(z) - prior->log_prob(z);
  const double error = gap.std().item<double>() / std::sqrt(4000.0);
  EXPECT_NEAR(gap.mean().item<double>(), 0.0, 0.03 + 5 * error);
  EXPECT_LT(error, 0.01);
}

TEST(Flow, DrawsHaveTheFittedMoments) {
  const auto prior = small_flow();
  train(*prior, correlated(4000), 400);
  auto generator = make_generator(9, "draw");
  const Draw draw = prior->sample(20000, generator);
  EXPECT_EQ(draw.nfe, 1);
  const at::Tensor covariance = at::cov(draw.z.t());
  EXPECT_NEAR(covariance[0][0].item<double>(), 9.0, 0.7);
  EXPECT_NEAR(covariance[0][1].item<double>(), 3.6, 0.3);
  EXPECT_NEAR(covariance[1][1].item<double>(), 1.69, 0.15);
}

// A grid over [-12, 12]^2 in steps of 0.1, and p there.
struct Grid {
  at::Tensor z;  // [N, 2]
  at::Tensor p;  // [N], times the area of a cell
};

Grid density_grid(Prior& prior) {
  const at::NoGradGuard no_grad;
  const at::Tensor axis = at::arange(-12, 12, 0.1, at::kFloat) + 0.05;
  const auto axes = at::meshgrid({axis, axis}, "ij");
  const at::Tensor z = at::stack({axes[0].flatten(), axes[1].flatten()}, 1);
  return {z, prior.log_prob(z).to(at::kDouble).exp() * 0.01};
}

// A midpoint sum; the integrand is smooth at the scale of a cell.
TEST(Flow, DensityIntegratesToOne) {
  const auto prior = shaken_flow(2);
  EXPECT_NEAR(density_grid(*prior).p.sum().item<double>(), 1.0, 5e-3);
}

// The draws go through the inverse, the density through the forward map: the
// share of draws in a half plane is the integral over it, within five standard
// errors of a share and the grid's 5e-3.
TEST(Flow, DrawsFallWhereTheDensityIs) {
  const auto prior = shaken_flow(2);
  const auto grid = density_grid(*prior);
  auto generator = make_generator(4, "draw");
  const std::int64_t n = 20000;
  const at::Tensor z = prior->sample(n, generator).z;
  const double bound = 5 * 0.5 / std::sqrt(double(n)) + 5e-3;
  for (const int d : {0, 1}) {
    for (const double edge : {-0.5, 0.0, 0.7}) {
      const double expected =
          (grid.p * (grid.z.select(1, d) > edge)).sum().item<double>();
      const double share =
          (z.select(1, d) > edge).to(at::kDouble).mean().item<double>();
      EXPECT_NEAR(share, expected, bound) << d << " " << edge;
    }
  }
}

TEST(Flow, SavedStateCarriesTheMasks) {
  const auto first = shaken_flow(5);
  at::manual_seed(2);
  const auto second = make_prior(
      "flow", PriorContext{5, {}, {}},
      {{"couplings", std::int64_t{4}}, {"hidden", std::int64_t{32}}});
  load_from(*second, *first);
  const at::Tensor z = at::randn({4, 5});
  EXPECT_TRUE(at::equal(first->log_prob(z), second->log_prob(z)));
}

TEST(Flow, OfOneDimensionFits) {
  const auto prior = small_flow(1);
  LatentSet set;
  set.mean = correlated(2000).mean.select(1, 0).unsqueeze(1);
  EXPECT_LT(train(*prior, set, 20), 0.5 * std::log(2 * M_PI * M_E * 9) + 0.3);
}

TEST(Flow, AnswersNoCondition) {
  auto generator = make_generator(1, "draw");
  Condition condition = condition_on(ModalitySubset::only(0), at::ones({2}));
  EXPECT_THROW(small_flow()->sample_given(condition, generator), Error);
}

}  // namespace flow_test
}  // namespace shalab
