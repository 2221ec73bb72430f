#include "shalab/nn/logistic_regression.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "shalab/error.h"

namespace shalab {
namespace logistic_regression_test {

// tools/oracles/logistic_regression.py, as are the numbers below.
at::Tensor features() {
  const auto n = at::arange(100, at::kDouble).unsqueeze(1);
  const auto f = at::arange(4, at::kDouble).unsqueeze(0);
  return at::sin(0.7 * (n + 1) * (f + 1) + 0.3 * f * f);
}

at::Tensor labels() {
  const at::Tensor x = features();
  const at::Tensor score = 1.5 + 1.2 * x.select(1, 0) + 0.9 * x.select(1, 1) +
                           0.6 * at::sin(1.3 * at::arange(100, at::kDouble));
  return score.floor().clamp(0, 2).to(at::kLong);
}

LinearClassifier fitted(double inverse_penalty) {
  return fit_logistic_regression(features().slice(0, 0, 60),
                                 labels().slice(0, 0, 60), 3, inverse_penalty);
}

void expect_equal(const LinearClassifier& found, std::vector<double> weight,
                  std::vector<double> bias) {
  EXPECT_TRUE(at::allclose(
      found.weight, at::tensor(weight, at::kDouble).view({3, 4}), 0.0, 1e-6))
      << found.weight;
  EXPECT_TRUE(
      at::allclose(found.bias, at::tensor(bias, at::kDouble), 0.0, 1e-6))
      << found.bias;
}

double accuracy(const LinearClassifier& found) {
  return found.classes(features().slice(0, 60))
      .eq(labels().slice(0, 60))
      .to(at::kDouble)
      .mean()
      .item<double>();
}

TEST(LogisticRegression, EqualsScikitLearn) {
  const LinearClassifier found = fitted(1.0);
  expect_equal(
      found,
      {-2.011855308483, -1.356082445573, 0.116569718516, -0.021321181564,
       0.125784185654, 0.167312163904, 0.202007202837, 0.036182395908,
       1.886071122828, 1.188770281669, -0.318576921353, -0.014861214343},
      {-0.487884935401, 0.411964875176, 0.075920060225});
  EXPECT_NEAR(accuracy(found), 0.75, 1e-12);
}

TEST(LogisticRegression, EqualsScikitLearnWhereItIsPenalisedLess) {
  const LinearClassifier found = fitted(100.0);
  expect_equal(
      found,
      {-6.58632402495, -4.608501585098, 0.801642895952, -0.880749589781,
       0.131005686728, 0.268312569959, -0.245158444866, 0.475199061283,
       6.455318338222, 4.340189015139, -0.556484451086, 0.405550528498},
      {-1.381649024902, 1.523403058503, -0.141754033601});
  EXPECT_NEAR(accuracy(found), 0.775, 1e-12);
}

// The search ends where the mean loss, about 0.5, changes no more in double
// precision. Its least curvature is the penalty's, 1 / (C N) = 1 / 60, so a fit
// is within sqrt(2 * 2.2e-16 * 0.5 * 60) = 1.2e-7, two fits within 2.4e-7.
TEST(LogisticRegression, DoesNotDependOnTheOrderOfRows) {
  const LinearClassifier turned =
      fit_logistic_regression(features().slice(0, 0, 60).flip(0),
                              labels().slice(0, 0, 60).flip(0), 3, 1.0);
  EXPECT_LE((turned.weight - fitted(1.0).weight).abs().max().item<double>(),
            2.4e-7);
}

TEST(LogisticRegression, NeverGivesAClassItWasNotShown) {
  const at::Tensor x = at::tensor({-1.0, -2.0, 1.0, 2.0}).unsqueeze(1);
  const at::Tensor y = at::tensor({3, 3, 1, 1}, at::kLong);
  const LinearClassifier found = fit_logistic_regression(x, y, 5, 10.0);
  EXPECT_TRUE(found.classes(x).equal(y));
  EXPECT_TRUE(found.classes(at::zeros({1, 1}))[0].item<std::int64_t>() % 2);
}

TEST(LogisticRegression, RefusesWhatCannotBeFitted) {
  const at::Tensor x = at::ones({2, 1}), y = at::tensor({0, 1}, at::kLong);
  EXPECT_THROW(fit_logistic_regression(x, at::zeros({2}, at::kLong), 2, 1.0),
               Error);
  EXPECT_THROW(fit_logistic_regression(x, y, 1, 1.0), Error);
  EXPECT_THROW(
      fit_logistic_regression(x.slice(0, 0, 0), y.slice(0, 0, 0), 2, 1.0),
      Error);
  EXPECT_THROW(fit_logistic_regression(x / 0.0, y, 2, 1.0), Error);
}

}  // namespace logistic_regression_test
}  // namespace shalab
