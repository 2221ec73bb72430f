#include <gtest/gtest.h>

#include "fused_model.h"

namespace shalab {
namespace tcvae_test {

const ChangedKeys kNever = {{"prior_expert", std::string("never")}};

TEST(Tcvae, WithRatioZeroIsTheElboWithoutPriorExpert) {
  FusedModel model("poe", kNever, 3, 2, 1);
  model.slope = 1;
  const ChangedKeys keys = {
      {"kl_weight", 2.5},
      {"likelihood_weights", std::vector<std::string>{"m1:3"}}};
  ChangedKeys ratio = keys;
  ratio.emplace_back("tc_ratio", 0.0);
  for (const Batch& batch : {random_tuples(4, 3), every_subset_of_three()}) {
    EXPECT_NEAR(terms_of("tcvae", model, batch, ratio).loss.item<double>(),
                terms_of("elbo", model, batch, keys).loss.item<double>(), 1e-4);
  }
}

// By a loop over samples, with each KL as the mean of log ratios over draws.
// `bound` collects five standard errors of the estimate of the loss.
double loss_by_draws(FusedModel& model, const Batch& batch, double a,
                     double beta, double& bound) {
  const std::int64_t k = 20000;
  const auto features = model.encode(batch);
  auto generator = make_generator(5, "draws");
  const Posterior q = model.fusion().fuse(features, batch.presence);
  const at::Tensor z = q.rsample(k, generator).detach();
  const auto log_ratio = [&](const at::Tensor& log_p) {
    return (q.log_prob(z) - log_p).to(at::kDouble);
  };
  const at::Tensor present = batch.presence.to(at::kDouble);
  const at::Tensor share = a / present.sum(1);
  at::Tensor rate = (1 - a) * log_ratio(model.prior().log_prob(z));
  double gain = 0;
  for (std::int64_t m = 0; m < 3; ++m) {
    at::Tensor only = at::zeros_like(batch.presence);
    only.select(1, m).fill_(true);
    const Posterior own = model.fusion().fuse(features, only);
    rate = rate + share * present.select(1, m) * log_ratio(own.log_prob(z));
    for (std::int64_t row = 0; row < batch.size(); ++row) {
      if (!is_present(batch, row, m)) continue;
      gain += (1 - share[row].item<double>()) *
              fit_at(batch, static_cast<std::size_t>(m), row);
    }
  }
  const auto rows = static_cast<double>(batch.size());
  const at::Tensor by_draw = beta * rate.mean(1);
  bound = 5 * by_draw.std().item<double>() / std::sqrt(k);
  return by_draw.mean().item<double>() - gain / rows;
}

TEST(Tcvae, IsItsFormulaByDraws) {
  FusedModel model("poe", kNever, 3);
  const double a = 5.0 / 6;
  for (const Batch& batch : {random_tuples(4, 3), every_subset_of_three()}) {
    double bound = 0;
    const double expected = loss_by_draws(model, batch, a, 2.5, bound);
    EXPECT_NEAR(terms_of("tcvae", model, batch, {{"kl_weight", 2.5}})
                    .loss.item<double>(),
                expected, bound);
    EXPECT_LT(bound, 0.1);
  }
}

TEST(Tcvae, OfOneModalityAloneHasNoKlToIt) {
  FusedModel model("poe", kNever, 3);
  Batch batch = random_tuples(4, 3);
  batch.presence.narrow(1, 1, 2).fill_(false);
  const Terms terms = terms_of("tcvae", model, batch);
  EXPECT_NEAR(term(terms, "kl_to.m0"), 0, 1e-5);
  EXPECT_EQ(term(terms, "kl_to.m1"), 0);
  EXPECT_EQ(term(terms, "log_likelihood.m2"), 0);
}

TEST(Tcvae, NoGradientReachesAbsentModalities) {
  FusedModel model("poe", kNever, 3, 2, 1);
  expect_no_gradient_where_absent("tcvae", model);
}

TEST(Tcvae, NeedsTheFullSetAndSingletons) {
  FusedModel model("poe", kNever, 3);
  const auto subsets =
      make_plugin<Factory_objective>("objective", "tcvae", model.context())
          ->needed_subsets();
  ASSERT_EQ(subsets.size(), 4u);
  EXPECT_EQ(subsets[0], ModalitySubset::only(0));
  EXPECT_EQ(subsets[3], ModalitySubset::all(3));
}

TEST(Tcvae, RefusesMixturesAndPriorsWithoutClosedForm) {
  const auto is_refused = [](FusedModel& model) {
    try {
      terms_of("tcvae", model, random_tuples(2, 3));
    } catch (const Error& error) {
      return error.kind() == ErrorKind::usage;
    }
    return false;
  };
  FusedModel mixture("moe", {}, 3);
  EXPECT_TRUE(is_refused(mixture));
  FusedModel other("poe", kNever, 3);
  other.other_prior = std::make_shared<OpaquePrior>(2);
  EXPECT_TRUE(is_refused(other));
}

}  // namespace tcvae_test
}  // namespace shalab
