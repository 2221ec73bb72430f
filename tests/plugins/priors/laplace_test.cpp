#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "load_prior.h"
#include "shalab/random.h"

namespace shalab {
namespace laplace_test {

std::shared_ptr<Prior> make_laplace(std::int64_t latent, bool learns) {
  return make_prior("laplace", {latent, {}, {}}, {{"learn_scale", learns}});
}

// Scales b = (1.5, .5) up to 1e-6: 2 softmax(log 3, 0).
std::shared_ptr<Prior> make_uneven() {
  const auto prior = make_laplace(2, true);
  const at::NoGradGuard no_grad;
  prior->named_parameters()["raw_scale"].copy_(
      at::tensor({std::log(3.0f), 0.0f}));
  return prior;
}

TEST(Laplace, HasItsDensity) {
  const at::Tensor z = at::tensor({1.0f, -2.0f}).view({1, 2});
  EXPECT_NEAR(make_laplace(2, false)->log_prob(z).item<double>(),
              -3 - 2 * std::log(2.0), 1e-5);
  const double scaled = -1 / 1.5 - std::log(3.0) - 2 / 0.5 - std::log(1.0);
  EXPECT_NEAR(make_uneven()->log_prob(z).item<double>(), scaled, 1e-4);
  EXPECT_EQ(make_uneven()->log_prob(at::randn({3, 4, 2})).sizes(),
            at::IntArrayRef({3, 4}));
}

TEST(Laplace, LearnsItsScaleOnlyWhereAsked) {
  EXPECT_EQ(make_laplace(2, true)->traits().fitting,
            PriorTraits::Fitting::with_model);
  EXPECT_EQ(make_laplace(2, false)->traits().fitting,
            PriorTraits::Fitting::as_is);
  EXPECT_TRUE(make_laplace(2, false)->parameters().empty());
}

// The fit to draws of scales (1.5, .5) finds them.
TEST(Laplace, LearnedScaleReachesThatOfTheData) {
  auto generator = make_generator(1, "data");
  const at::Tensor z = make_uneven()->sample(20000, generator).z;
  const auto prior = make_laplace(2, true);
  at::Tensor raw = prior->named_parameters()["raw_scale"];
  for (int step = 0; step < 100; ++step) {
    raw.mutable_grad() = at::Tensor();
    prior->log_prob(z).mean().backward();
    const at::NoGradGuard no_grad;
    raw.add_(raw.grad());
  }
  const at::Tensor scale = 2 * at::softmax(raw.detach(), 0);
  EXPECT_NEAR(scale[0].item<double>(), 1.5, 0.03);
}

// Five standard errors of the mean over draws.
TEST(Laplace, KlToALearnedScaleAgreesWithDraws) {
  const auto prior = make_uneven();
  const auto q = Posterior::laplace(at::tensor({0.7f, -0.2f}).view({1, 2}),
                                    at::tensor({0.6f, 1.1f}).view({1, 2}));
  const auto kl = prior->kl_from(q);
  ASSERT_TRUE(kl.has_value());
  auto generator = make_generator(1, "kl");
  const at::NoGradGuard no_grad;
  const at::Tensor z = q.rsample(50000, generator);
  const at::Tensor ratio = (q.log_prob(z) - prior->log_prob(z)).to(at::kDouble);
  const double bound =
      5 * ratio.std().item<double>() / std::sqrt(ratio.numel());
  EXPECT_NEAR(kl->item<double>(), ratio.mean().item<double>(), bound);
}

TEST(Laplace, HasNoClosedFormFromANormal) {
  const at::Tensor one = at::ones({1, 1});
  EXPECT_FALSE(make_laplace(1, false)->kl_from(Posterior::normal(one, one)));
}

// E|z| = b with deviation b.
TEST(Laplace, DrawsHaveItsScales) {
  const std::int64_t n = 20000;
  auto generator = make_generator(1, "sample");
  const at::Tensor size = make_uneven()->sample(n, generator).z.abs().mean(0);
  EXPECT_NEAR(size[0].item<double>(), 1.5, 5 * 1.5 / std::sqrt(n));
  EXPECT_NEAR(size[1].item<double>(), 0.5, 5 * 0.5 / std::sqrt(n));
}

}  // namespace laplace_test
}  // namespace shalab
