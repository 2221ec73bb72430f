#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "load_prior.h"
#include "shalab/random.h"

namespace shalab {
namespace gaussian_mixture_test {

PriorContext context_of(std::int64_t latent) {
  PriorContext context;
  context.latent = latent;
  return context;
}

std::shared_ptr<Prior> mixture(std::int64_t latent, std::int64_t components,
                               Keys keys = {}) {
  keys.emplace_back("components", components);
  return make_prior("gaussian_mixture", context_of(latent), keys);
}

at::Tensor buffer(const Prior& prior, const std::string& name) {
  for (const auto& item : prior.named_buffers()) {
    if (item.key() == name) return item.value();
  }
  throw std::runtime_error("no buffer " + name);
}

// 3000 points of .3 N((-3, 0), diag(1, .25)) + .7 N((3, 1), [[1, .8], [.8,
// 1]]), as means of a dirac.
LatentSet two_blobs() {
  auto generator = make_generator(1, "blobs");
  const auto e = at::randn({3000, 2}, generator);
  const auto left = e.narrow(0, 0, 900) * at::tensor({1.0f, 0.5f}) +
                    at::tensor({-3.0f, 0.0f});
  // Cholesky factor of [[1, .8], [.8, 1]] is [[1, 0], [.8, .6]]
  const auto factor = at::tensor({1.0f, 0.0f, 0.8f, 0.6f}).view({2, 2});
  const auto right =
      at::matmul(e.narrow(0, 900, 2100), factor.t()) + at::tensor({3.0f, 1.0f});
  LatentSet latents;
  latents.mean = at::cat({left, right});
  return latents;
}

void fit(Prior& prior, const LatentSet& latents, std::uint64_t seed = 5) {
  auto generator = make_generator(seed, "fit");
  prior.fit(latents, quiet_services(), generator);
}

TEST(GaussianMixture, SaysWhatItIs) {
  const auto prior = mixture(2, 3);
  EXPECT_EQ(prior->traits().density, PriorTraits::Density::normalised);
  EXPECT_EQ(prior->traits().fitting, PriorTraits::Fitting::at_once);
  EXPECT_FALSE(prior->traits().is_conditional);
  EXPECT_TRUE(prior->parameters().empty());
  EXPECT_EQ(prior->generation(false), "exact components=3 full");
}

TEST(GaussianMixture, LogProbOfGivenParametersByHand) {
  const auto prior = mixture(1, 2);
  buffer(*prior, "weights").copy_(at::tensor({0.25, 0.75}));
  buffer(*prior, "means").copy_(at::tensor({0.0, 2.0}).view({2, 1}));
  buffer(*prior, "scale").copy_(at::tensor({1.0, 0.5}).view({2, 1, 1}));
  buffer(*prior, "latent_mean").fill_(1.0);
  buffer(*prior, "latent_deviation").fill_(2.0);
  // z = 3: y = 1; N(1; 0, 1) = e^{-1/2}/sqrt(2 pi), N(1; 2, .5^2) =
  // 2 e^{-2}/sqrt(2 pi); dy/dz = 1/2
  const double density = 0.5 / std::sqrt(2 * std::numbers::pi) *
                         (0.25 * std::exp(-0.5) + 1.5 * std::exp(-2.0));
  const auto z = at::full({1}, 3.0);
  EXPECT_NEAR(prior->log_prob(z).item<float>(), std::log(density), 1e-6);
}

TEST(GaussianMixture, DensityIntegratesToOne) {
  for (const char* covariance : {"full", "diagonal"}) {
    const auto prior = mixture(2, 3, {{"covariance", std::string(covariance)}});
    fit(*prior, two_blobs());
    const auto axis = at::linspace(-10, 10, 201, at::kDouble);
    const auto grid = at::stack(at::meshgrid({axis, axis}, "ij"), -1);
    const auto log_prob = prior->log_prob(grid);
    EXPECT_EQ(log_prob.sizes(), (at::IntArrayRef{201, 201}));
    EXPECT_NEAR(log_prob.exp().sum().item<double>() * 0.01, 1.0, 1e-3)
        << covariance;
  }
}

TEST(GaussianMixture, RecoversAKnownMixture) {
  const auto prior = mixture(2, 2);
  fit(*prior, two_blobs());
  const auto mean =
      buffer(*prior, "means") * buffer(*prior, "latent_deviation") +
      buffer(*prior, "latent_mean");
  const std::int64_t left = mean[0][0].item<double>() < 0 ? 0 : 1;
  const auto weights = buffer(*prior, "weights");
  EXPECT_NEAR(weights[left].item<double>(), 0.3, 0.01);
  EXPECT_NEAR(mean[left][0].item<double>(), -3.0, 0.1);
  EXPECT_NEAR(mean[1 - left][1].item<double>(), 1.0, 0.1);
  // covariance of the right one: scale L, brought back to z
  const auto factor = buffer(*prior, "latent_deviation").unsqueeze(1) *
                      buffer(*prior, "scale")[1 - left];
  const auto covariance = at::matmul(factor, factor.t());
  EXPECT_NEAR(covariance[0][1].item<double>(), 0.8, 0.08);
  EXPECT_NEAR(covariance[0][0].item<double>(), 1.0, 0.08);
}

TEST(GaussianMixture, DiagonalMatchesTheMomentsOfOneComponent) {
  const auto prior = mixture(
      2, 1, {{"covariance", std::string("diagonal")}, {"standardise", false}});
  const auto latents = two_blobs();
  fit(*prior, latents);
  const auto variance = latents.mean.var(0, false).to(at::kDouble) + 1e-4;
  EXPECT_TRUE(
      at::allclose(buffer(*prior, "scale")[0].square(), variance, 1e-4, 1e-6));
  EXPECT_TRUE(at::allclose(buffer(*prior, "means")[0],
                           latents.mean.mean(0).to(at::kDouble), 1e-4, 1e-5));
}

TEST(GaussianMixture, MoreIterationsRaiseTheLikelihood) {
  const auto latents = two_blobs();
  const auto score = [&](std::int64_t iterations) {
    const auto prior =
        mixture(2, 4, {{"iterations", iterations}, {"tolerance", 0.0}});
    fit(*prior, latents);
    return prior->log_prob(latents.mean).mean().item<double>();
  };
  const double one = score(1), ten = score(10), forty = score(40);
  EXPECT_GE(ten, one - 1e-6);
  EXPECT_GE(forty, ten - 1e-6);
  EXPECT_GT(forty, one);
}

TEST(GaussianMixture, SamplesHaveItsMoments) {
  const auto prior = mixture(2, 2);
  const auto latents = two_blobs();
  fit(*prior, latents);
  auto generator = make_generator(9, "draw");
  const auto draw = prior->sample(20000, generator);
  EXPECT_EQ(draw.nfe, 0);
  // deviation about 3: standard error .02
  EXPECT_TRUE(at::allclose(draw.z.mean(0), latents.mean.mean(0), 0.0, 0.1));
  EXPECT_TRUE(at::allclose(draw.z.std(0), latents.mean.std(0), 0.03, 0.0));
  EXPECT_NEAR((draw.z.select(1, 0) < 0).to(at::kFloat).mean().item<float>(),
              0.3, 0.02);
}

TEST(GaussianMixture, LearnsTheNoiseOfThePosterior) {
  LatentSet latents;
  latents.mean = at::zeros({4000, 1});
  latents.log_var = at::full({4000, 1}, std::log(4.0));
  const auto prior = mixture(1, 1, {{"standardise", false}});
  fit(*prior, latents);
  EXPECT_NEAR(buffer(*prior, "scale").item<double>(), 2.0, 0.1);
}

TEST(GaussianMixture, SurvivesRepeatedPoints) {
  LatentSet latents;  // three distinct values, five components
  latents.mean = at::arange(60, at::kFloat).remainder(3).unsqueeze(1);
  const auto prior = mixture(1, 5);
  fit(*prior, latents);
  EXPECT_TRUE(buffer(*prior, "scale").isfinite().all().item<bool>());
  EXPECT_NEAR(buffer(*prior, "weights").sum().item<double>(), 1.0, 1e-12);
  EXPECT_TRUE(prior->log_prob(latents.mean).isfinite().all().item<bool>());
}

TEST(GaussianMixture, SurvivesALinearlyDependentLatent) {
  auto latents = two_blobs();
  latents.mean = at::cat({latents.mean, latents.mean.narrow(1, 0, 1)}, 1);
  const auto prior = mixture(3, 4);
  fit(*prior, latents);
  EXPECT_TRUE(prior->log_prob(latents.mean).isfinite().all().item<bool>());
}

TEST(GaussianMixture, GradientOfLogProbIsTheFiniteDifference) {
  const auto prior = mixture(2, 2);
  fit(*prior, two_blobs());
  auto z = at::tensor({-1.0, 0.5}, at::kDouble).requires_grad_();
  prior->log_prob(z).backward();
  const double step = 1e-5;
  for (std::int64_t d = 0; d < 2; ++d) {
    const auto shift = at::zeros({2}, at::kDouble);
    shift[d] = step;
    const auto base = z.detach();
    const double slope =
        (prior->log_prob(base + shift) - prior->log_prob(base - shift))
            .item<double>() /
        (2 * step);
    EXPECT_NEAR(z.grad()[d].item<double>(), slope, 1e-5);
  }
}

TEST(GaussianMixture, FollowsItsGenerator) {
  const auto draw = [](std::uint64_t fit_seed, std::uint64_t seed) {
    const auto prior = mixture(2, 3);
    fit(*prior, two_blobs(), fit_seed);
    auto generator = make_generator(seed, "draw");
    return prior->sample(10, generator).z;
  };
  EXPECT_TRUE(at::equal(draw(1, 1), draw(1, 1)));
  EXPECT_FALSE(at::equal(draw(1, 1), draw(1, 2)));
}

TEST(GaussianMixture, LivesInItsBuffers) {
  const auto fitted = mixture(2, 3);
  fit(*fitted, two_blobs());
  const auto loaded = mixture(2, 3);
  for (const auto& item : fitted->named_buffers()) {
    buffer(*loaded, item.key()).copy_(item.value());
  }
  const auto z = at::tensor({0.5f, -1.0f});
  EXPECT_TRUE(at::equal(fitted->log_prob(z), loaded->log_prob(z)));
}

std::string fit_error(Prior& prior, const LatentSet& latents) {
  try {
    fit(prior, latents);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(GaussianMixture, RefusesFewerSamplesThanComponents) {
  LatentSet latents;
  latents.mean = at::randn({4, 2});
  EXPECT_NE(fit_error(*mixture(2, 5), latents)
                .find("5 components cannot be fitted to 4 samples"),
            std::string::npos);
  const auto capped = mixture(2, 5, {{"max_samples", std::int64_t{3}}});
  EXPECT_NE(fit_error(*capped, two_blobs()).find("to 3 samples"),
            std::string::npos);
}

TEST(GaussianMixture, RefusesLatentsThatAreNotFinite) {
  auto latents = two_blobs();
  latents.mean[7][1] = std::nan("");
  EXPECT_NE(fit_error(*mixture(2, 2), latents).find("not all finite"),
            std::string::npos);
}

struct Stop : CancelToken {
  bool cancelled() const override { return true; }
};
struct Steps : Progress {
  void report(const std::string&, std::int64_t done, std::int64_t) override {
    last = std::max(last, done);
  }
  std::int64_t last = 0;
};

TEST(GaussianMixture, ReportsProgressAndStopsWhenCancelled) {
  const auto prior = mixture(2, 2);
  auto generator = make_generator(1, "fit");
  auto services = quiet_services();
  Steps steps;
  services.progress = &steps;
  prior->fit(two_blobs(), services, generator);
  EXPECT_GE(steps.last, 2);
  const Stop stop;
  services.cancel = &stop;
  steps.last = 0;
  prior->fit(two_blobs(), services, generator);
  EXPECT_EQ(steps.last, 0);
}

}  // namespace gaussian_mixture_test
}  // namespace shalab
