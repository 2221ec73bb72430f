#include <gtest/gtest.h>

#include <cmath>

#include "fixed_model.h"
#include "fused_model.h"

namespace shalab {
namespace elbo_test {

// log N(1; 0, 1), log N(2; 0, 1), KL(N(1, 1) || N(0, 1)).
constexpr double kFitA = -1.418939;
constexpr double kFitB = -2.918939;
constexpr double kKl = 0.5;

Posterior shifted(std::int64_t batch, float mean) {
  return Posterior::normal(at::full({batch, 1}, mean), at::zeros({batch, 1}));
}

double value_of(const Terms& terms, const std::string& name) {
  for (const auto& [term, value] : terms.named) {
    if (term == name) return value.item<double>();
  }
  ADD_FAILURE() << "no term " << name;
  return 0;
}

Terms terms_of(FixedModel& model, const Batch& batch,
               const ChangedKeys& keys = {}, double epoch = 0) {
  const auto objective = make_plugin<Factory_objective>("objective", "elbo",
                                                        model.context(), keys);
  auto generator = make_generator(1, "objective");
  const StepInfo info{0, 1, epoch, generator};
  return objective->terms(model, batch, info);
}

double loss_of(const ChangedKeys& keys, double epoch = 0) {
  FixedModel model(shifted(4, 1));
  const Batch batch = tuples_of_one_and_two(4);
  return terms_of(model, batch, keys, epoch).loss.item<double>();
}

TEST(Elbo, IsTheLogLikelihoodsLessTheKl) {
  FixedModel model(shifted(4, 1));
  const Terms terms = terms_of(model, tuples_of_one_and_two(4));
  EXPECT_NEAR(value_of(terms, "log_likelihood.a"), kFitA, 1e-5);
  EXPECT_NEAR(value_of(terms, "log_likelihood.b"), kFitB, 1e-5);
  EXPECT_NEAR(value_of(terms, "kl"), kKl, 1e-5);
  EXPECT_NEAR(value_of(terms, "elbo"), kFitA + kFitB - kKl, 1e-5);
  EXPECT_NEAR(terms.loss.item<double>(), -(kFitA + kFitB - kKl), 1e-5);
}

TEST(Elbo, WeighsItsTerms) {
  const ChangedKeys keys = {
      {"kl_weight", 5.0},
      {"likelihood_weights", std::vector<std::string>{"b:3"}}};
  EXPECT_NEAR(loss_of(keys), -(kFitA + 3 * kFitB - 5 * kKl), 1e-4);
}

TEST(Elbo, KlWeightGrowsFromZero) {
  const ChangedKeys keys = {{"kl_warmup", 4.0}};
  EXPECT_NEAR(loss_of(keys, 0), -(kFitA + kFitB), 1e-5);
  EXPECT_NEAR(loss_of(keys, 1), -(kFitA + kFitB - kKl / 4), 1e-5);
  EXPECT_NEAR(loss_of(keys, 9), -(kFitA + kFitB - kKl), 1e-5);
}

TEST(Elbo, AnAbsentModalityCountsZero) {
  FixedModel model(shifted(4, 1));
  Batch batch = tuples_of_one_and_two(4);
  batch.presence[0][1] = false;
  const Terms terms = terms_of(model, batch);
  EXPECT_NEAR(value_of(terms, "log_likelihood.b"), kFitB * 3 / 4, 1e-5);
}

// Of draws from N(1, 1) the estimate z - 1/2 has mean 1/2 and variance 1.
TEST(Elbo, SampledKlIsUnbiased) {
  const std::int64_t n = 20000;
  FixedModel model(shifted(n, 1));
  const Terms terms =
      terms_of(model, tuples_of_one_and_two(n), {{"kl", "sampled"}});
  EXPECT_NEAR(value_of(terms, "kl"), kKl, 5 / std::sqrt(n));
}

TEST(Elbo, KlOfComponentsIsTheirWeightedMean) {
  const at::Tensor weights = at::tensor({0.25f, 0.75f}).log().view({2, 1});
  const Posterior mixture = Posterior::mixture(
      weights.expand({2, 4}).contiguous(), {shifted(4, 1), shifted(4, 2)});
  FixedModel model(mixture);
  for (const char* rule : {"auto", "components"}) {
    const Terms terms =
        terms_of(model, tuples_of_one_and_two(4), {{"kl", rule}});
    EXPECT_NEAR(value_of(terms, "kl"), 0.25 * 0.5 + 0.75 * 2, 1e-5);
  }
  EXPECT_THROW(terms_of(model, tuples_of_one_and_two(4), {{"kl", "analytic"}}),
               Error);
}

TEST(Elbo, AlignmentOfEqualFeaturesIsTheLogOfTheBatch) {
  FixedModel model(shifted(4, 1));
  Batch batch = tuples_of_one_and_two(4);
  const ChangedKeys keys = {{"alignment_weight", 20.0}};
  Terms terms = terms_of(model, batch, keys);
  EXPECT_NEAR(value_of(terms, "alignment"), std::log(4.0), 1e-5);
  EXPECT_NEAR(terms.loss.item<double>(),
              -(kFitA + kFitB - kKl) + 20 * std::log(4.0), 1e-4);
  batch.presence[0][1] = false;
  terms = terms_of(model, batch, keys);
  EXPECT_NEAR(value_of(terms, "alignment"), std::log(3.0), 1e-5);
}

// Against the definition, with the projections of the objective itself.
TEST(Elbo, AlignmentIsSymmetricCrossEntropy) {
  FixedModel model(shifted(5, 1));
  model.features = {{at::randn({5, 3}), {}}, {at::randn({5, 3}), {}}};
  const auto objective = make_plugin<Factory_objective>(
      "objective", "elbo", model.context(), {{"alignment_weight", 1.0}});
  const auto p = objective->named_parameters();
  const auto unit = [&](std::size_t m, const std::string& name) {
    const at::Tensor h =
        at::linear(model.features[m].shared, p["alignment." + name + ".weight"],
                   p["alignment." + name + ".bias"]);
    return h / h.norm(2, 1, true);
  };
  const at::Tensor logits = unit(0, "a").mm(unit(1, "b").t()) / 0.1;
  const at::Tensor target = at::arange(5);
  const at::Tensor expected =
      0.5 * (at::cross_entropy_loss(logits, target) +
             at::cross_entropy_loss(logits.t(), target));
  auto generator = make_generator(1, "objective");
  const StepInfo info{0, 1, 0.0, generator};
  const Terms terms = objective->terms(model, tuples_of_one_and_two(5), info);
  EXPECT_NEAR(value_of(terms, "alignment"), expected.item<double>(), 1e-4);
}

TEST(Elbo, RefusesWeightsOfAnUnknownModality) {
  FixedModel model(shifted(1, 1));
  try {
    terms_of(model, tuples_of_one_and_two(1),
             {{"likelihood_weights", std::vector<std::string>{"aa:3"}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.hint().find("'a'"), std::string::npos);
  }
}

// Private posteriors N(x_m, 1) in two columns: KL(q(w_m | x_m) || p) = x_m^2.
TEST(Elbo, PrivateLatentsJoinTheCodeAndTheKl) {
  const Batch batch = every_subset_of_three();
  const ChangedKeys never = {{"prior_expert", std::string("never")}};
  FusedModel shared("poe", never, 3, 2);
  FusedModel model("poe", never, 3, 2, 2);
  const Terms without = terms_of("elbo", shared, batch);
  const Terms with = terms_of("elbo", model, batch, {{"kl_weight", 3.0}});
  double own = 0;
  for (const at::Tensor& x : batch.data) {
    own += x.square().sum().item<double>() / 7;
  }
  EXPECT_NEAR(value_of(with, "kl"), value_of(without, "kl") + own, 1e-4);
  EXPECT_NEAR(with.loss.item<double>() - without.loss.item<double>(),
              2 * value_of(without, "kl") + 3 * own, 1e-4);
  for (std::size_t m = 0; m < 3; ++m) {
    const at::Tensor code = model.codes[m].at(0);
    ASSERT_EQ(code.sizes(), at::IntArrayRef({7, 4}));
    EXPECT_TRUE(at::equal(code.narrow(1, 0, 2), shared.codes[m].at(0)));
    const at::Tensor noise = code.narrow(1, 2, 2) - batch.data[m];
    EXPECT_LT(noise.abs().max().item<double>(), 5);
    EXPECT_GT(noise.std().item<double>(), 0.3);
  }
}

TEST(Elbo, NoGradientReachesAbsentModalities) {
  for (const char* fusion : {"poe", "moe", "mopoe"}) {
    FusedModel model(fusion, {}, 3, 2, 1);
    expect_no_gradient_where_absent("elbo", model);
  }
}

// The mean of the seven products' KLs, each fused alone.
TEST(Elbo, OfMopoeHasTheMeanKlOfItsProducts) {
  FusedModel model("mopoe", {}, 3);
  const Batch batch = random_tuples(5, 3);
  const Posterior q = model.fusion().fuse(model.encode(batch), batch.presence);
  double kl = 0;
  for (const Posterior& product : q.components()) {
    kl += model.prior().kl_from(product)->mean().item<double>() / 7;
  }
  EXPECT_NEAR(value_of(terms_of("elbo", model, batch), "kl"), kl, 1e-5);
}

}  // namespace elbo_test
}  // namespace shalab
