#include <gtest/gtest.h>

#include "fused_model.h"

namespace shalab {
namespace subset_elbo_test {

const ChangedKeys kAlways = {{"prior_expert", std::string("always")}};

// The elbo of one row from the modalities in `members`, whatever their
// decoders meet.
double elbo_at(FusedModel& model, const Batch& batch, std::int64_t row,
               const std::vector<std::int64_t>& members, double kl_weight) {
  at::Tensor presence = at::zeros_like(batch.presence);
  double fit = 0;
  for (const std::int64_t m : members) {
    presence.select(1, m).fill_(true);
    fit += fit_at(batch, static_cast<std::size_t>(m), row);
  }
  const Posterior q = model.fusion().fuse(model.encode(batch), presence);
  const at::Tensor kl = model.prior().kl_from(q).value();
  return fit - kl_weight * kl[row].item<double>();
}

// By a loop over samples: all that is present, then each modality.
double loss_by_loops(FusedModel& model, const Batch& batch, double kl_weight) {
  double sum = 0;
  for (std::int64_t row = 0; row < batch.size(); ++row) {
    std::vector<std::int64_t> members;
    for (std::int64_t m = 0; m < 3; ++m) {
      if (is_present(batch, row, m)) members.push_back(m);
    }
    sum += elbo_at(model, batch, row, members, kl_weight);
    for (const std::int64_t m : members) {
      sum += elbo_at(model, batch, row, {m}, kl_weight);
    }
  }
  return -sum / static_cast<double>(batch.size());
}

TEST(SubsetElbo, SumsJointAndUnimodalElbosOfWhatIsPresent) {
  FusedModel model("poe", kAlways, 3);
  const Batch batch = every_subset_of_three();
  const Terms terms = terms_of("subset_elbo", model, batch);
  EXPECT_NEAR(terms.loss.item<double>(), loss_by_loops(model, batch, 1), 1e-4);
  const double named = term(terms, "elbo") + term(terms, "elbo.m0") +
                       term(terms, "elbo.m1") + term(terms, "elbo.m2");
  EXPECT_NEAR(terms.loss.item<double>(), -named, 1e-4);
}

TEST(SubsetElbo, KlWeightGrowsFromZero) {
  FusedModel model("poe", kAlways, 3);
  const Batch batch = every_subset_of_three();
  const ChangedKeys keys = {{"kl_weight", 3.0}, {"kl_warmup", 4.0}};
  for (const double epoch : {0.0, 1.0, 9.0}) {
    const double weight = 3.0 * std::min(1.0, epoch / 4);
    EXPECT_NEAR(
        terms_of("subset_elbo", model, batch, keys, epoch).loss.item<double>(),
        loss_by_loops(model, batch, weight), 1e-4);
  }
}

TEST(SubsetElbo, WithoutSubsetsIsTheElbo) {
  FusedModel model("poe", kAlways, 3, 2, 1);
  model.slope = 1;
  const Batch batch = every_subset_of_three();
  const ChangedKeys weights = {
      {"likelihood_weights", std::vector<std::string>{"m1:3"}}};
  ChangedKeys keys = weights;
  keys.emplace_back("unimodal", false);
  EXPECT_NEAR(terms_of("subset_elbo", model, batch, keys).loss.item<double>(),
              terms_of("elbo", model, batch, weights).loss.item<double>(),
              1e-5);
}

// Decoders ignore the code, so each random subset's elbo is known.
TEST(SubsetElbo, RandomSubsetsReconstructTheirOwnModalities) {
  FusedModel model("poe", kAlways, 3);
  const Batch batch = every_subset_of_three();
  const Terms terms =
      terms_of("subset_elbo", model, batch,
               {{"unimodal", false}, {"random_subsets", std::int64_t{2}}});
  const at::Tensor fused = model.fused.at(0).view({3, 7, 3});
  double sum = 0;
  for (std::int64_t row = 0; row < 7; ++row) {
    for (std::int64_t source = 1; source < 3; ++source) {
      // Row 6 has all present, so it shows the subset itself.
      const at::Tensor subset =
          fused[source][6].logical_and(batch.presence[row]);
      std::vector<std::int64_t> members;
      for (std::int64_t m = 0; m < 3; ++m) {
        if (subset[m].item<bool>()) members.push_back(m);
      }
      if (!members.empty()) sum += elbo_at(model, batch, row, members, 1);
    }
  }
  EXPECT_NEAR(term(terms, "elbo_of_random_subsets"), sum / 14, 1e-4);
  EXPECT_NEAR(terms.loss.item<double>(), -term(terms, "elbo") - sum / 7, 1e-4);
}

TEST(SubsetElbo, RandomSubsetsHaveUniformSizesThenUniformMembers) {
  FusedModel model("poe", kAlways, 4);
  const std::int64_t k = 2000;
  terms_of("subset_elbo", model, random_tuples(1, 4),
           {{"unimodal", false}, {"random_subsets", k}});
  const at::Tensor subsets = model.fused.at(0).narrow(0, 1, k);
  const at::Tensor size = subsets.sum(1);
  EXPECT_TRUE(((size == 2) | (size == 3)).all().item<bool>());
  const auto share = [&](const at::Tensor& is) {
    return is.to(at::kDouble).mean().item<double>();
  };
  EXPECT_NEAR(share(size == 2), 0.5, 5 * std::sqrt(0.25 / k));
  // Each modality belongs to half of the pairs and 3/4 of the triples.
  for (std::int64_t m = 0; m < 4; ++m) {
    EXPECT_NEAR(share(subsets.select(1, m)), 0.625,
                5 * std::sqrt(0.625 * 0.375 / k));
  }
}

TEST(SubsetElbo, FusesAndDecodesOnce) {
  FusedModel model("poe", kAlways, 3, 2, 1);
  terms_of("subset_elbo", model, random_tuples(5, 3),
           {{"random_subsets", std::int64_t{2}}});
  ASSERT_EQ(model.fused.size(), 1u);
  EXPECT_EQ(model.fused[0].size(0), (1 + 3 + 2) * 5);
  for (const auto& calls : model.codes) {
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_EQ(calls[0].sizes(), at::IntArrayRef({(1 + 1 + 2) * 5, 3}));
  }
}

TEST(SubsetElbo, NoGradientReachesAbsentModalities) {
  FusedModel model("poe", kAlways, 3, 2, 1);
  expect_no_gradient_where_absent("subset_elbo", model,
                                  {{"random_subsets", std::int64_t{2}}});
}

TEST(SubsetElbo, RefusesRandomSubsetsOfTwoModalities) {
  FusedModel model("poe", kAlways, 2);
  EXPECT_NO_THROW(terms_of("subset_elbo", model, random_tuples(2, 2)));
  try {
    terms_of("subset_elbo", model, random_tuples(2, 2),
             {{"random_subsets", std::int64_t{1}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("random_subsets"), std::string::npos);
  }
}

TEST(SubsetElbo, NeedsWhatItFuses) {
  FusedModel model("poe", kAlways, 4);
  const auto needed = [&](const ChangedKeys& keys) {
    return make_plugin<Factory_objective>("objective", "subset_elbo",
                                          model.context(), keys)
        ->needed_subsets();
  };
  EXPECT_EQ(needed({{"unimodal", false}}).size(), 1u);
  EXPECT_EQ(needed({}).size(), 5u);
  // The full set, 4 alone, 6 pairs, 4 that lack one.
  EXPECT_EQ(needed({{"random_subsets", std::int64_t{1}}}).size(), 15u);
}

}  // namespace subset_elbo_test
}  // namespace shalab
