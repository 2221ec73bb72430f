#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "fixed_model.h"

namespace shalab {
namespace iwae_test {

constexpr double kHalfLogTwoPi = 0.9189385332046727;

// log N(x; mean, deviation^2) of one dimension.
double log_normal(double x, double mean, double deviation) {
  const double error = (x - mean) / deviation;
  return -0.5 * error * error - std::log(deviation) - kHalfLogTwoPi;
}

double value_of(const Terms& terms, const std::string& name) {
  for (const auto& [term, value] : terms.named) {
    if (term == name) return value.item<double>();
  }
  ADD_FAILURE() << "no term " << name;
  return 0;
}

std::shared_ptr<Objective> make_iwae(const FixedModel& model,
                                     const ChangedKeys& keys) {
  return make_plugin<Factory_objective>("objective", "iwae", model.context(),
                                        keys);
}

Terms terms_of(Objective& objective, FixedModel& model, const Batch& batch,
               std::uint64_t seed = 1) {
  auto generator = make_generator(seed, "objective");
  const StepInfo info{0, 1, 0.0, generator};
  return objective.terms(model, batch, info);
}

double loss_of(FixedModel& model, const Batch& batch, const ChangedKeys& keys) {
  const auto objective = make_iwae(model, keys);
  return terms_of(*objective, model, batch).loss.item<double>();
}

ChangedKeys keys_of(const std::string& estimator, std::int64_t num_samples,
                    double kl_weight = 1.0) {
  return {{"estimator", estimator},
          {"num_samples", num_samples},
          {"kl_weight", kl_weight}};
}

Posterior normal_of(const at::Tensor& mean, double deviation) {
  return Posterior::normal(mean, at::full_like(mean, 2 * std::log(deviation)));
}

constexpr double kDeviationA = 0.5, kDeviationB = 0.8, kPrivate = 0.7;

// q(z | a) = N(m, .5^2), q(z | b) = N(-m, .8^2), x_m ~ N(code summed, 1).
FixedModel linear_model(const at::Tensor& mean_a) {
  FixedModel model(normal_of(mean_a.detach(), 1));
  model.singles = {normal_of(mean_a, kDeviationA),
                   normal_of(-mean_a.detach(), kDeviationB)};
  model.mean = [](std::size_t m, const at::Tensor& code) {
    return code.sum(1, true) * (m == 0 ? 1.0 : 0.5);
  };
  return model;
}

at::Tensor column(std::vector<float> values) {
  return at::tensor(values).view({-1, 1});
}

Batch tuples_of_a_alone(std::int64_t rows) {
  Batch batch = tuples_of_one_and_two(rows);
  batch.presence.select(1, 1).fill_(false);
  return batch;
}

Batch mixed_batch() {
  Batch batch = tuples_of_one_and_two(3);
  batch.presence[1][1] = false;
  batch.presence[2][0] = false;
  batch.data[1][1] = 0;
  batch.data[0][2] = 0;
  return batch;
}

// The draws of a step, in its order, and log w by loops over them.
struct NaiveBound {
  std::int64_t k = 3, b = 3;
  at::Tensor z;                 // [K, 2, B]
  std::vector<at::Tensor> w;    // of each own source [K, B]
  std::vector<at::Tensor> aux;  // of each target [K, B]

  NaiveBound(FixedModel& model, bool has_private) {
    auto generator = make_generator(1, "objective");
    const auto noise = [&](std::vector<std::int64_t> shape) {
      return at::empty(shape).normal_(0, 1, generator);
    };
    const at::Tensor mean =
        at::stack({model.singles[0].mean(), model.singles[1].mean()})
            .squeeze(2);
    const at::Tensor deviation =
        at::tensor({kDeviationA, kDeviationB}, at::kFloat).view({2, 1});
    z = mean + deviation * noise({k, 2 * b, 1}).view({k, 2, b});
    if (!has_private) return;
    for (int m = 0; m < 2; ++m) {
      w.push_back(model.privates[m].mean().view({1, b}) +
                  kPrivate * noise({k, b, 1}).view({k, b}));
    }
    for (int m = 0; m < 2; ++m)
      aux.push_back(noise({k * b, 1, 1}).view({k, b}));
  }

  double log_weight(FixedModel& model, const Batch& batch, int r,
                    std::int64_t i, std::int64_t j, double beta) const {
    const double zed = z[i][r][j].item<double>();
    double fit = 0, density = log_normal(zed, 0, 1);
    double mixture = 0, present = 0;
    for (int m = 0; m < 2; ++m) {
      if (!batch.presence[j][m].item<bool>()) continue;
      present += 1;
      const double mean = model.singles[m].mean()[j].item<double>();
      mixture +=
          std::exp(log_normal(zed, mean, m == 0 ? kDeviationA : kDeviationB));
      double code = zed;
      if (!w.empty()) code += (m == r ? w[m] : aux[m])[i][j].item<double>();
      fit += log_normal(batch.data[m][j].item<double>(),
                        code * (m == 0 ? 1.0 : 0.5), 1);
    }
    density -= std::log(mixture / present);
    if (!w.empty()) {
      const double own = w[r][i][j].item<double>();
      const double mean = model.privates[r].mean()[j].item<double>();
      density += log_normal(own, 0, 1) - log_normal(own, mean, kPrivate);
    }
    return fit + beta * density;
  }

  double operator()(FixedModel& model, const Batch& batch, double beta) const {
    double total = 0;
    for (std::int64_t j = 0; j < b; ++j) {
      double sum = 0, present = 0;
      for (int r = 0; r < 2; ++r) {
        if (!batch.presence[j][r].item<bool>()) continue;
        double weight = 0;
        for (std::int64_t i = 0; i < k; ++i) {
          weight += std::exp(log_weight(model, batch, r, i, j, beta));
        }
        sum += std::log(weight / static_cast<double>(k));
        present += 1;
      }
      total += sum / present;
    }
    return total / static_cast<double>(b);
  }
};

TEST(Iwae, EqualsTheNaiveLoopsWithMixedPresence) {
  FixedModel model = linear_model(column({0.2f, -0.4f, 0.9f}));
  const Batch batch = mixed_batch();
  const double naive = NaiveBound(model, false)(model, batch, 2.5);
  EXPECT_NEAR(loss_of(model, batch, keys_of("iwae", 3, 2.5)), -naive, 1e-4);
  EXPECT_NEAR(loss_of(model, batch, keys_of("dreg", 3, 2.5)), -naive, 1e-4);
}

// Auxiliary priors start at scale 1, so their draws are plain noise.
TEST(Iwae, EqualsTheNaiveLoopsWithPrivateLatents) {
  FixedModel model = linear_model(column({0.2f, -0.4f, 0.9f}));
  model.privates = {normal_of(column({0.5f, 0.1f, 0.3f}), kPrivate),
                    normal_of(column({-0.2f, 0.6f, 0.f}), kPrivate)};
  const double naive = NaiveBound(model, true)(model, mixed_batch(), 1.5);
  ChangedKeys keys = keys_of("iwae", 3, 1.5);
  keys.emplace_back("auxiliary_scale", "log_var");
  EXPECT_NEAR(loss_of(model, mixed_batch(), keys), -naive, 1e-4);
}

TEST(Iwae, OneDrawMakesAllEstimatorsTheElbo) {
  FixedModel model = linear_model(column({0.2f, -0.4f, 0.9f}));
  const double elbo = loss_of(model, mixed_batch(), keys_of("elbo", 1));
  EXPECT_NEAR(loss_of(model, mixed_batch(), keys_of("iwae", 1)), elbo, 1e-5);
  EXPECT_NEAR(loss_of(model, mixed_batch(), keys_of("dreg", 1)), elbo, 1e-5);
}

TEST(Iwae, IsTheWeightedSumOfItsTermsForOneDraw) {
  FixedModel model = linear_model(column({0.2f, -0.4f, 0.9f}));
  const auto objective = make_iwae(
      model, {{"kl_weight", 2.5},
              {"likelihood_weights", std::vector<std::string>{"b:3"}}});
  const Terms terms = terms_of(*objective, model, tuples_of_one_and_two(3));
  const double sum = value_of(terms, "log_likelihood.a") +
                     3 * value_of(terms, "log_likelihood.b") -
                     2.5 * value_of(terms, "kl");
  EXPECT_NEAR(value_of(terms, "bound"), sum, 1e-4);
  EXPECT_NEAR(terms.loss.item<double>(), -sum, 1e-4);
}

// With x_b absent, p(x_a) = N(0, 2) and the true posterior N(1/2, 1/2). The
// bound of K draws is below the truth by about var(w) / 2K, that of one draw by
// KL(N(0, .64) || N(.5, .5)) = .267.
TEST(Iwae, ManyDrawsReachTheTrueLogLikelihood) {
  const std::int64_t rows = 200;
  FixedModel model = linear_model(at::zeros({rows, 1}));
  model.singles[0] = normal_of(at::zeros({rows, 1}), 0.8);
  const Batch batch = tuples_of_a_alone(rows);
  const double truth = log_normal(1, 0, std::sqrt(2.0));
  const double one = -loss_of(model, batch, keys_of("elbo", 500));
  const double many = -loss_of(model, batch, keys_of("iwae", 500));
  EXPECT_NEAR(many, truth, 0.02);
  EXPECT_NEAR(one, truth - 0.267, 0.02);
}

// Of source a alone, the posterior cut off: with omega the normalised weights,
// d loss / d mean = - 1/B sum_k omega_k^2 d log w / dz_k, where
// d log w / dz = (x - z) - z + (z - mean) / deviation^2.
TEST(Iwae, DregGradientIsTheHandFormula) {
  const std::int64_t k = 4, b = 5;
  const at::Tensor mean = at::linspace(-1, 1, b).view({b, 1});
  mean.requires_grad_(true);
  FixedModel model = linear_model(mean);
  const Batch batch = tuples_of_a_alone(b);
  const auto objective = make_iwae(model, keys_of("dreg", k));
  terms_of(*objective, model, batch).loss.backward();

  auto generator = make_generator(1, "objective");
  const at::Tensor m = mean.detach();
  const at::Tensor noise = at::empty({k, 2 * b, 1}).normal_(0, 1, generator);
  const at::Tensor z = m + kDeviationA * noise.slice(1, 0, b);
  const double precision = 1 / (kDeviationA * kDeviationA);
  const at::Tensor log_weight =
      -0.5 * ((1 - z).square() + z.square() - precision * (z - m).square());
  const at::Tensor omega = at::softmax(log_weight, 0);
  const at::Tensor slope = (1 - z) - z + precision * (z - m);
  const at::Tensor expected =
      -(omega.square() * slope).sum(0) / static_cast<double>(b);
  EXPECT_TRUE(at::allclose(mean.grad(), expected, 1e-4, 1e-5));
}

// d loss / d mean of q(z | a) by row, times the number of rows.
at::Tensor gradients_at(double value, const std::string& estimator,
                        std::int64_t rows) {
  const at::Tensor mean = at::full({rows, 1}, value, at::kFloat);
  mean.requires_grad_(true);
  FixedModel model = linear_model(mean);
  const auto objective = make_iwae(model, keys_of(estimator, 3));
  terms_of(*objective, model, tuples_of_a_alone(rows)).loss.backward();
  return mean.grad().to(at::kDouble) * rows;
}

double bound_at(double value, std::int64_t rows) {
  FixedModel model = linear_model(at::full({rows, 1}, value, at::kFloat));
  return loss_of(model, tuples_of_a_alone(rows), keys_of("iwae", 3));
}

// Both estimate the gradient of one bound: the doubly reparameterised one and
// central differences with common noise, which are the mean of the plain
// estimator's gradients. The bound is five standard errors of the difference,
// whose halves are taken as independent.
TEST(Iwae, DregGradientAgreesWithFiniteDifferences) {
  const std::int64_t rows = 40000;
  const double at_mean = 0.3, h = 1e-2;
  const at::Tensor dreg = gradients_at(at_mean, "dreg", rows);
  const at::Tensor plain = gradients_at(at_mean, "iwae", rows);
  const double slope =
      (bound_at(at_mean + h, rows) - bound_at(at_mean - h, rows)) / (2 * h);
  const double variance =
      dreg.var().item<double>() + plain.var().item<double>();
  const double error = std::sqrt(variance / static_cast<double>(rows));
  EXPECT_NEAR(dreg.mean().item<double>(), slope, 5 * error);
  EXPECT_NEAR(plain.mean().item<double>(), slope, 0.1 * error + 1e-3);
  EXPECT_GT(std::abs(slope), 20 * error);
}

// No posterior lies between the decoder and log w, so both estimators give its
// parameters one gradient.
TEST(Iwae, DregLeavesTheDecodersGradientAlone) {
  std::vector<at::Tensor> gradients;
  for (const char* estimator : {"iwae", "dreg"}) {
    const at::Tensor slope = at::ones({1}).requires_grad_(true);
    FixedModel model = linear_model(column({0.2f, -0.4f, 0.9f}));
    model.mean = [&](std::size_t, const at::Tensor& code) {
      return code * slope;
    };
    const auto objective = make_iwae(model, keys_of(estimator, 5));
    terms_of(*objective, model, mixed_batch()).loss.backward();
    gradients.push_back(slope.grad());
  }
  EXPECT_TRUE(at::allclose(gradients[0], gradients[1], 1e-4, 1e-5));
}

TEST(Iwae, AuxiliaryScalesLearnFromOtherSourcesDraws) {
  FixedModel model = linear_model(column({0.2f, -0.4f, 0.9f}));
  model.privates = {Posterior::laplace(at::zeros({3, 2}), at::ones({3, 2})),
                    Posterior::laplace(at::zeros({3, 2}), at::ones({3, 2}))};
  const auto objective = make_iwae(model, keys_of("dreg", 2));
  terms_of(*objective, model, tuples_of_one_and_two(3)).loss.backward();
  const at::Tensor gradient =
      objective->named_parameters()["auxiliary.raw_scale"].grad();
  ASSERT_TRUE(gradient.defined());
  EXPECT_TRUE(gradient.ne(0).all().item<bool>());
}

TEST(Iwae, NeedsEveryModalityAlone) {
  FixedModel model = linear_model(column({0.f}));
  const auto subsets = make_iwae(model, {})->needed_subsets();
  EXPECT_EQ(subsets, (std::vector<ModalitySubset>{ModalitySubset::only(0),
                                                  ModalitySubset::only(1)}));
}

TEST(Iwae, RefusesZeroDraws) {
  FixedModel model = linear_model(column({0.f}));
  try {
    make_iwae(model, {{"num_samples", std::int64_t{0}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("num_samples"), std::string::npos);
  }
}

}  // namespace iwae_test
}  // namespace shalab
