#include <gtest/gtest.h>

#include "fused_model.h"

namespace shalab {
namespace jsd_test {

at::Tensor gaussian_log(const at::Tensor& x, double mean, double log_var) {
  return -0.5 * ((x - mean).square() * std::exp(-log_var) + log_var +
                 std::log(2 * M_PI));
}

// On a grid: the normalised geometric mean f of the densities, and the mean of
// their KLs to it. The grid ends ten deviations away, where the rectangle rule
// is exact to rounding for densities this smooth.
double divergence_on_a_grid(const std::vector<std::pair<double, double>>& q) {
  const at::Tensor x = at::linspace(-40, 40, 80001, at::kDouble);
  const double step = 80.0 / 80000;
  at::Tensor mean_log = at::zeros_like(x);
  const auto count = static_cast<double>(q.size());
  for (const auto& [mean, log_var] : q) {
    mean_log = mean_log + gaussian_log(x, mean, log_var) / count;
  }
  const at::Tensor log_f =
      mean_log - mean_log.logsumexp(0, false) - std::log(step);
  double sum = 0;
  for (const auto& [mean, log_var] : q) {
    const at::Tensor log_q = gaussian_log(x, mean, log_var);
    sum += (log_q.exp() * (log_q - log_f)).sum().item<double>() * step;
  }
  return sum / count;
}

// (mean, log_var) of the experts present in a row, and N(0, 1).
std::vector<std::pair<double, double>> components_of(FusedModel& model,
                                                     const Batch& batch,
                                                     std::int64_t row) {
  std::vector<std::pair<double, double>> all = {{0, 0}};
  const Posterior q =
      model.fusion().fuse(model.encode(batch), at::ones_like(batch.presence));
  const auto experts = q.components();
  for (std::int64_t m = 0; m < batch.presence.size(1); ++m) {
    if (!is_present(batch, row, m)) continue;
    const Posterior& own = experts[static_cast<std::size_t>(m)];
    all.emplace_back(own.mean()[row].item<double>(),
                     own.log_var()[row].item<double>());
  }
  return all;
}

TEST(Jsd, IsTheMeanKlToTheGeometricMean) {
  FusedModel model("moe", {}, 3, 1);
  const Batch batch = every_subset_of_three();
  const Terms terms = terms_of("jsd", model, batch);
  double jsd = 0;
  double fit = 0;
  for (std::int64_t row = 0; row < 7; ++row) {
    jsd += divergence_on_a_grid(components_of(model, batch, row)) / 7;
    for (std::size_t m = 0; m < 3; ++m) {
      if (!is_present(batch, row, static_cast<std::int64_t>(m))) continue;
      fit += fit_at(batch, m, row) / 7;
    }
  }
  EXPECT_NEAR(term(terms, "jsd"), jsd, 1e-4);
  EXPECT_NEAR(terms.loss.item<double>(), jsd - fit, 1e-4);
  EXPECT_NEAR(term(terms, "elbo"), fit - jsd, 1e-4);
}

TEST(Jsd, OfEqualDistributionsIsZero) {
  FusedModel model("moe", {}, 3, 2);
  for (auto& parameter : model.fusion().parameters()) {
    parameter.set_data(at::zeros_like(parameter));
  }
  const Terms terms = terms_of("jsd", model, random_tuples(4, 3));
  EXPECT_NEAR(term(terms, "jsd"), 0, 1e-6);
}

TEST(Jsd, WeighsItsTerms) {
  FusedModel model("moe", {}, 3, 2, 1);
  const Batch batch = random_tuples(6, 3);
  const Terms plain = terms_of("jsd", model, batch);
  const Terms weighed =
      terms_of("jsd", model, batch,
               {{"kl_weight", 5.0},
                {"likelihood_weights", std::vector<std::string>{"m0:3"}}});
  const double kl = term(plain, "log_likelihood.m0") +
                    term(plain, "log_likelihood.m1") +
                    term(plain, "log_likelihood.m2") - term(plain, "elbo");
  EXPECT_NEAR(weighed.loss.item<double>() - plain.loss.item<double>(),
              4 * kl - 2 * term(plain, "log_likelihood.m0"), 1e-4);
}

// Experts at -100, 0 and 100 of deviation e^-6: each gives four of twelve z.
TEST(Jsd, DrawsByBatchPartition) {
  FusedModel model("moe", {}, 3, 1);
  for (auto& item : model.fusion().named_parameters()) {
    const bool is_scale = item.key().find("scale") != std::string::npos;
    const bool is_bias = item.key().find("bias") != std::string::npos;
    float value = 0;
    if (is_bias) value = is_scale ? -20.0f : 100.0f * (item.key()[9] - '1');
    item.value().set_data(at::full_like(item.value(), value));
  }
  terms_of("jsd", model, random_tuples(12, 3));
  const at::Tensor z = model.codes[0].at(0);
  for (const double center : {-100.0, 0.0, 100.0}) {
    EXPECT_EQ(((z - center).abs() < 1).sum().item<std::int64_t>(), 4);
  }
}

TEST(Jsd, NoGradientReachesAbsentModalities) {
  FusedModel model("moe", {}, 3, 2, 1);
  expect_no_gradient_where_absent("jsd", model);
}

TEST(Jsd, TakesUnimodalPosteriorsOfAnyFusion) {
  FusedModel moe("moe", {}, 3);
  FusedModel poe("poe", {{"prior_expert", std::string("never")}}, 3);
  const Batch batch = every_subset_of_three();
  EXPECT_NEAR(terms_of("jsd", moe, batch).loss.item<double>(),
              terms_of("jsd", poe, batch).loss.item<double>(), 1e-5);
}

TEST(Jsd, RefusesLaplaceExpertsAndOtherPriors) {
  const auto is_refused = [](FusedModel& model, const std::string& part) {
    try {
      terms_of("jsd", model, random_tuples(2, 3));
    } catch (const Error& error) {
      return error.kind() == ErrorKind::usage &&
             error.hint().find(part) != std::string::npos;
    }
    return false;
  };
  FusedModel laplace(
      "moe",
      {{"family", std::string("laplace")}, {"scale", std::string("softmax")}},
      3);
  EXPECT_TRUE(is_refused(laplace, "fusion.family = normal"));
  FusedModel other("moe", {}, 3);
  other.other_prior = std::make_shared<OpaquePrior>(2);
  EXPECT_TRUE(is_refused(other, "prior.plugin = standard_normal"));
}

}  // namespace jsd_test
}  // namespace shalab
