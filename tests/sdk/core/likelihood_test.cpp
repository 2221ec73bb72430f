#include "shalab/likelihood.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

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

// log p as the formula says, by automatic derivatives.
at::Tensor naive(const std::string& family, const at::Tensor& m,
                 const at::Tensor& x, double scale, at::IntArrayRef dims) {
  if (family == "bernoulli") return (x * m - at::softplus(m)).sum(dims);
  const at::Tensor error = (x - m) / scale;
  if (family == "laplace") {
    return (-error.abs() - std::log(2 * scale)).sum(dims);
  }
  return (-0.5 * error.square() - std::log(scale * std::sqrt(2 * M_PI)))
      .sum(dims);
}

struct Slopes {
  at::Tensor value, first, second;  // second: of the first one's square
};

template <class LogProb>
Slopes slopes_of(const LogProb& log_prob, const at::Tensor& parameters,
                 const at::Tensor& weights) {
  at::Tensor m = parameters.detach().requires_grad_();
  const at::Tensor value = log_prob(m);
  const at::Tensor first = torch::autograd::grad({(value * weights).sum()}, {m},
                                                 {}, /*retain_graph=*/true,
                                                 /*create_graph=*/true)[0];
  const at::Tensor squared = first.square().sum();
  const at::Tensor second =
      squared.requires_grad()
          ? torch::autograd::grad({squared}, {m}, {}, false, false, true)[0]
          : at::Tensor();
  return {value.detach(), first.detach(),
          second.defined() ? second : at::zeros_like(m)};
}

TEST(Likelihood, HasTheDerivativesOfItsFormula) {
  for (const char* family : {"normal", "laplace", "bernoulli"}) {
    const double scale = std::string(family) == "bernoulli" ? 1.0 : 0.6;
    const at::Tensor x = at::rand({2, 3, 4, 5}, at::kDouble);
    const at::Tensor m = at::randn({6, 2, 3, 4, 5}, at::kDouble);
    const at::Tensor weights = at::randn({6, 2}, at::kDouble);
    const Slopes fused = slopes_of(
        [&](const at::Tensor& p) {
          return Likelihood::of(family, p, scale, 3).log_prob(x);
        },
        m, weights);
    const Slopes formula = slopes_of(
        [&](const at::Tensor& p) {
          return naive(family, p, x, scale, {-3, -2, -1});
        },
        m, weights);
    EXPECT_TRUE(at::allclose(fused.value, formula.value)) << family;
    EXPECT_TRUE(at::allclose(fused.first, formula.first)) << family;
    EXPECT_TRUE(at::allclose(fused.second, formula.second)) << family;
  }
}

TEST(Likelihood, DoesNotDependOnTheLayoutOfPictures) {
  const at::Tensor x = at::rand({4, 3, 5, 6});
  const at::Tensor plain = at::rand({8, 3, 5, 6}).requires_grad_();
  const at::Tensor last = plain.detach()
                              .contiguous(at::MemoryFormat::ChannelsLast)
                              .requires_grad_();
  const auto log_prob = [&](const at::Tensor& mean) {
    return Likelihood::laplace(mean, 0.75, 3).unflatten(2, 4).log_prob(x);
  };
  const at::Tensor first = log_prob(plain), second = log_prob(last);
  first.sum().backward();
  second.sum().backward();
  EXPECT_TRUE(at::allclose(first, second));
  EXPECT_TRUE(plain.grad().equal(last.grad()));
}

TEST(Likelihood, SumsTheGradientOfOneMeanForManyTuples) {
  const at::Tensor x = at::randn({7, 2});
  const at::Tensor mean = at::zeros({1, 2}).requires_grad_();
  Likelihood::normal(mean, 1.0, 1).log_prob(x).sum().backward();
  EXPECT_TRUE(at::allclose(mean.grad(), x.sum(0, true)));
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
