#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <numbers>

#include "load_prior.h"
#include "shalab/random.h"

namespace shalab {
namespace energy_test {

std::shared_ptr<Prior> make_energy(std::int64_t latent, const Keys& keys = {}) {
  return make_prior("energy", PriorContext{latent, {}, {}}, keys);
}

// layers = 1 makes f(z) = slope z, so p is p_0 tilted: for a normal p_0 of
// deviation a that is N(a^2 slope, a^2), a quadratic energy.
std::shared_ptr<Prior> tilted(const std::vector<float>& slope, Keys keys) {
  keys.emplace_back("layers", std::int64_t{1});
  auto prior = make_energy(static_cast<std::int64_t>(slope.size()), keys);
  const at::NoGradGuard no_grad;
  auto parameters = prior->named_parameters();
  parameters["f.0.weight"].copy_(at::tensor(slope).unsqueeze(0));
  parameters["f.0.bias"].zero_();
  prior->eval();
  return prior;
}

at::Tensor draw(Prior& prior, std::int64_t n, std::uint64_t seed = 1) {
  auto generator = make_generator(seed, "energy");
  return prior.sample(n, generator).z;
}

// A step is z' = c z + (1 - c) a^2 w + s xi with c = 1 - s^2 / (2 a^2), so
// after K steps from N(0, a^2) each coordinate is normal with mean
// (1 - c^K) a^2 w and variance c^2K a^2 + s^2 (1 - c^2K) / (1 - c^2).
// Bounds: five standard errors of the sample mean and variance.
TEST(Energy, LangevinOnAQuadraticEnergyReachesItsGaussian) {
  const double a = 1.5, s = 0.4;
  const std::int64_t n = 20000, steps = 200;
  const std::vector<float> w = {0.8f, -0.3f};
  const auto prior = tilted(
      w, {{"base_scale", a}, {"langevin_step", s}, {"langevin_steps", steps}});
  const at::Tensor z = draw(*prior, n).to(at::kDouble);
  const double c = 1 - s * s / (2 * a * a);
  const double left = std::pow(c, 2.0 * double(steps));
  const double variance = left * a * a + s * s * (1 - left) / (1 - c * c);
  for (int d = 0; d < 2; ++d) {
    const double mean = (1 - std::sqrt(left)) * a * a * w[d];
    EXPECT_NEAR(z.select(1, d).mean().item<double>(), mean,
                5 * std::sqrt(variance / double(n)));
    EXPECT_NEAR(z.select(1, d).var().item<double>(), variance,
                5 * variance * std::sqrt(2.0 / double(n)));
    // The chain is near the Gaussian it aims at: 2.25 w and 2.25.
    EXPECT_NEAR(mean, a * a * w[d], 0.001 * a * a);
    EXPECT_NEAR(variance, a * a, 0.02 * a * a);
  }
}

// exp(z/2 - |z|) falls at rate 1/2 to the right and 3/2 to the left: weights
// 2 : 2/3, so the mean is 3/4 * 2 - 1/4 * 2/3 = 4/3, E[z^2] = 3/4 * 8 + 1/4 *
// 8/9 = 56/9 and the variance 40/9. The bound adds s^2 for the step's size.
TEST(Energy, LangevinOnALaplaceBaseReachesItsMean) {
  const double s = 0.25;
  const std::int64_t n = 4000;
  const auto prior = tilted({0.5f}, {{"base", std::string("laplace")},
                                     {"langevin_step", s},
                                     {"langevin_steps", std::int64_t{1500}}});
  EXPECT_NEAR(draw(*prior, n).mean().item<double>(), 4.0 / 3,
              5 * std::sqrt(40.0 / 9 / double(n)) + s * s);
}

// f(z) + log p_0(z) at z = (1, 2) for f = 0.5 z_1 - z_2: -1.5 + log p_0.
TEST(Energy, DensityIsTheTiltedBase) {
  const at::Tensor z = at::tensor({1.0f, 2.0f}).view({1, 2});
  const auto normal = tilted({0.5f, -1.0f}, {{"base_scale", 2.0}});
  EXPECT_NEAR(normal->log_prob(z).item<double>(),
              -1.5 - 5.0 / 8 - std::log(4.0) - std::log(2 * std::numbers::pi),
              1e-5);
  const auto laplace = tilted(
      {0.5f, -1.0f}, {{"base", std::string("laplace")}, {"base_scale", 2.0}});
  EXPECT_NEAR(laplace->log_prob(z).item<double>(),
              -1.5 - 3.0 / 2 - 2 * std::log(4.0), 1e-5);
  EXPECT_EQ(normal->log_prob(at::randn({3, 4, 2})).sizes(),
            at::IntArrayRef({3, 4}));
}

TEST(Energy, ObjectivesDensityMovesZAndNotTheEnergy) {
  for (const char* activation : {"leaky_relu", "gelu", "silu"}) {
    const auto prior =
        make_energy(3, {{"activation", std::string(activation)}});
    const at::Tensor z = at::randn({5, 3}).requires_grad_();
    prior->log_prob(z).sum().backward();
    EXPECT_GT(z.grad().abs().sum().item<float>(), 0.0f);
    for (const auto& p : prior->parameters()) EXPECT_FALSE(p.grad().defined());
  }
}

// Central differences of the density, f's kinks apart (gelu has none).
TEST(Energy, DensitysSlopeIsItsDifferenceQuotient) {
  const auto prior = make_energy(2, {{"activation", std::string("gelu")}});
  const double h = 1e-2;
  const at::Tensor z = at::randn({1, 2}).requires_grad_();
  const at::Tensor slope =
      torch::autograd::grad({prior->log_prob(z).sum()}, {z})[0];
  for (int d = 0; d < 2; ++d) {
    at::Tensor step = at::zeros({1, 2});
    step[0][d] = h;
    const at::Tensor quotient = (prior->log_prob(z.detach() + step) -
                                 prior->log_prob(z.detach() - step)) /
                                (2 * h);
    EXPECT_NEAR(slope[0][d].item<double>(), quotient.item<double>(), 2e-3);
  }
}

// d/dw of -(E_q[w z] - E_p[w z]) is E_p[z] - E_q[z].
TEST(Energy, OwnLossContrastsPosteriorAndPriorDraws) {
  const auto prior = tilted({0.0f}, {{"chains", std::int64_t{4000}},
                                     {"langevin_steps", std::int64_t{10}}});
  prior->train();
  prior->log_prob(at::full({2, 8, 1}, 2.0f));
  prior->log_prob(at::full({16, 1}, 4.0f));
  auto generator = make_generator(1, "own");
  const Terms terms = prior->own_terms(generator);
  ASSERT_EQ(terms.named.size(), 1u);
  EXPECT_EQ(terms.named[0].first, "prior.drift");
  EXPECT_TRUE(at::equal(terms.loss, -terms.named[0].second));
  terms.loss.backward();
  const auto gradient = prior->named_parameters()["f.0.weight"].grad();
  EXPECT_NEAR(gradient.item<double>(), 0.0 - 3.0, 5 * 1.05 / std::sqrt(4000.0));
}

// Ascending the drift shifts a linear f until E_p[z] = E_q[z]: the tilt of
// N(0, 1) to a mean of 1 is w = 1 (short-run chains: a little more).
TEST(Energy, OwnLossLearnsTheTilt) {
  const auto prior = tilted({0.0f}, {{"chains", std::int64_t{256}}});
  prior->train();
  auto weight = prior->named_parameters()["f.0.weight"];
  auto generator = make_generator(1, "own");
  for (int step = 0; step < 100; ++step) {
    prior->log_prob(1 + at::randn({256, 1}, generator));
    prior->own_terms(generator).loss.backward();
    const at::NoGradGuard no_grad;
    weight.sub_(weight.grad() * 0.2);
    prior->zero_grad();
  }
  EXPECT_NEAR(weight.item<double>(), 1.0, 0.15);
}

TEST(Energy, EachStepContrastsItsOwnDraws) {
  const auto prior = make_energy(2);
  auto generator = make_generator(1, "own");
  prior->log_prob(at::zeros({4, 2}));
  prior->own_terms(generator);
  EXPECT_THROW(prior->own_terms(generator), Error);
  prior->eval();
  prior->log_prob(at::zeros({4, 2}));
  EXPECT_THROW(prior->own_terms(generator), Error);
}

TEST(Energy, CountsAndTellsItsSteps) {
  const auto prior = make_energy(2, {{"sampling_steps", std::int64_t{7}}});
  auto generator = make_generator(1, "energy");
  EXPECT_EQ(prior->sample(3, generator).nfe, 7);
  EXPECT_EQ(make_energy(2)->sample(3, generator).nfe, 60);
  EXPECT_EQ(prior->generation(false), "langevin steps=7 step=0.4");
}

TEST(Energy, SamplesWhereGradientsAreOff) {
  const auto prior = make_energy(2);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(draw(*prior, 5), draw(*prior, 5)));
  EXPECT_FALSE(at::equal(draw(*prior, 5), draw(*prior, 5, 2)));
}

TEST(Energy, BringsAnOptimiserOfItsOwn) {
  const auto prior = make_energy(2, {{"learning_rate", 1e-4}});
  const auto groups = prior->parameter_groups();
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].parameters.size(), prior->parameters().size());
  EXPECT_EQ(groups[0].learning_rate, 1e-4);
  EXPECT_EQ(groups[0].beta1, 0.5);
  EXPECT_EQ(groups[0].clip_norm, 100.0);
}

}  // namespace energy_test
}  // namespace shalab
