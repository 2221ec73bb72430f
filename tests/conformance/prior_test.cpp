// Every prior, on a latent of three dimensions and two modalities.

#include "shalab/prior.h"

#include <cmath>

#include "plugins.h"

namespace shalab {
namespace prior_test {

using Density = PriorTraits::Density;
using Fitting = PriorTraits::Fitting;

constexpr std::int64_t kLatent = 3;
constexpr std::int64_t kFeatures = 4;
constexpr std::int64_t kRows = 400;

PriorContext prior_context() {
  PriorContext context;
  context.latent = kLatent;
  for (const char* name : {"photo", "word"}) {
    context.modalities.push_back(modality_of(name, ModalityKind::vector, {2}));
    context.features.push_back(kFeatures);
  }
  context.slots = {1, 2};
  return context;
}

LatentSet latents() {
  auto generator = make_generator(1, "latents");
  LatentSet set;
  set.mean = 2 * at::randn({kRows, kLatent}, generator);
  set.log_var = at::full({kRows, kLatent}, -3.0f);
  for (int m = 0; m < 2; ++m) {
    set.features.push_back(at::randn({kRows, kFeatures}, generator));
  }
  return set;
}

// Raw data of `rows` tuples, for priors that read them.
Batch tuples(std::int64_t rows) {
  Batch batch;
  for (const ModalitySpec& modality : prior_context().modalities) {
    batch.data.push_back(data_of(modality, rows));
  }
  batch.presence = at::ones({rows, 2}, at::kBool);
  return batch;
}

LatentBatch first_rows(const LatentSet& set, std::int64_t rows) {
  LatentBatch batch;
  batch.z = set.mean.slice(0, 0, rows);
  for (const at::Tensor& h : set.features) {
    batch.features.push_back(h.slice(0, 0, rows));
  }
  batch.batch = tuples(rows);
  return batch;
}

Condition photo_of(std::int64_t rows) {
  Condition condition;
  condition.subset = ModalitySubset::only(0);
  condition.features = {latents().features[0].slice(0, 0, rows), {}};
  condition.batch = tuples(rows);
  condition.posterior = Posterior::dirac(latents().mean.slice(0, 0, rows));
  return condition;
}

class PriorConformance : public testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<Prior> make() const {
    return make_plugin<Factory_prior>("prior", GetParam(), prior_context());
  }

  // Fitted enough to be sampled.
  std::shared_ptr<Prior> ready() const {
    auto prior = make();
    auto generator = make_generator(1, "fit");
    if (prior->traits().fitting == Fitting::at_once) {
      prior->fit(latents(), quiet_services(), generator);
    }
    if (prior->traits().fitting == Fitting::by_steps) {
      prior->prepare(latents());
      prior->after_step(0.0);
    }
    prior->eval();
    return prior;
  }

  static at::Tensor sample(Prior& prior, std::int64_t n) {
    auto generator = make_generator(1, "sample");
    return prior.sample(n, generator).z;
  }
};

TEST_P(PriorConformance, SamplesHaveShapeTypeAndCount) {
  const auto prior = ready();
  auto generator = make_generator(1, "sample");
  for (const std::int64_t n : {1, 3}) {
    const Draw draw = prior->sample(n, generator);
    EXPECT_EQ(draw.z.sizes(), at::IntArrayRef({n, kLatent}));
    EXPECT_EQ(draw.z.scalar_type(), at::kFloat);
    EXPECT_TRUE(draw.z.isfinite().all().item<bool>());
    EXPECT_FALSE(draw.z.requires_grad());
    EXPECT_GE(draw.nfe, 0);
  }
  EXPECT_FALSE(prior->generation(false).empty());
}

TEST_P(PriorConformance, EqualGeneratorsGiveEqualSamples) {
  const auto prior = ready();
  EXPECT_TRUE(at::equal(sample(*prior, 5), sample(*prior, 5)));
}

TEST_P(PriorConformance, SavedStateGivesEqualSamples) {
  const auto first = ready();
  const auto second = make();
  copy_state(*first, *second);
  second->eval();
  EXPECT_TRUE(at::equal(sample(*first, 5), sample(*second, 5)));
}

TEST_P(PriorConformance, ConditionsWorkOrAreRefused) {
  const auto prior = ready();
  auto generator = make_generator(1, "sample");
  const auto draw = [&](const Condition& condition) {
    return prior->sample_given(condition, generator).z;
  };
  Condition none = photo_of(2);
  none.subset = ModalitySubset::none();
  EXPECT_TRUE(is_usage_error([&] { draw(none); }));
  if (!prior->traits().is_conditional) {
    EXPECT_TRUE(is_usage_error([&] { draw(photo_of(2)); }));
    return;
  }
  for (const std::int64_t rows : {1, 3}) {
    const at::Tensor z = draw(photo_of(rows));
    EXPECT_EQ(z.sizes(), at::IntArrayRef({rows, kLatent}));
    EXPECT_TRUE(z.isfinite().all().item<bool>());
  }
}

TEST_P(PriorConformance, DensityIsThereOrRefused) {
  const auto prior = ready();
  const at::Tensor z = at::randn({2, 5, kLatent});
  if (prior->traits().density == Density::none) {
    EXPECT_THROW(prior->log_prob(z), Error);
    return;
  }
  const at::Tensor log_prob = prior->log_prob(z);
  ASSERT_EQ(log_prob.sizes(), at::IntArrayRef({2, 5}));
  EXPECT_TRUE(at::allclose(log_prob[1], prior->log_prob(z[1]), 1e-4, 1e-4));
}

// E_p[N(z; 0, I / 4) / p(z)] = 1 for any normalised p of full support. The
// bound is five standard errors of the mean.
TEST_P(PriorConformance, NormalisedDensityAgreesWithItsSamples) {
  const auto prior = ready();
  if (prior->traits().density != Density::normalised) {
    GTEST_SKIP() << "its density is not normalised";
  }
  const std::int64_t n = 20000;
  const torch::NoGradGuard no_grad;
  const at::Tensor z = sample(*prior, n);
  const at::Tensor shape = at::ones({n, kLatent});
  const Posterior narrow =
      Posterior::normal(0 * shape, shape * std::log(0.25f));
  const at::Tensor ratio =
      (narrow.log_prob(z) - prior->log_prob(z)).to(at::kDouble).exp();
  const double bound =
      5 * ratio.std().item<double>() / std::sqrt(static_cast<double>(n));
  EXPECT_NEAR(ratio.mean().item<double>(), 1.0, bound);
  EXPECT_LT(bound, 0.5);
}

// Five standard errors of the mean over draws.
TEST_P(PriorConformance, KlAgreesWithDraws) {
  const auto prior = ready();
  const torch::NoGradGuard no_grad;
  const at::Tensor mean = at::full({1, kLatent}, 0.7f);
  const at::Tensor spread = at::full({1, kLatent}, 0.6f);
  for (const Posterior& q : {Posterior::normal(mean, spread.log()),
                             Posterior::laplace(mean, spread)}) {
    const auto kl = prior->kl_from(q);
    if (!kl) continue;
    ASSERT_EQ(prior->traits().density, Density::normalised);
    auto generator = make_generator(1, "kl");
    const at::Tensor z = q.rsample(20000, generator);
    const at::Tensor ratio =
        (q.log_prob(z) - prior->log_prob(z)).to(at::kDouble);
    const double bound =
        5 * ratio.std().item<double>() / std::sqrt(ratio.numel());
    EXPECT_NEAR(kl->item<double>(), ratio.mean().item<double>(), bound);
  }
}

TEST_P(PriorConformance, GradientsReachAllParameters) {
  const auto prior = make();
  prior->train();
  auto generator = make_generator(1, "fit");
  if (prior->traits().fitting == Fitting::by_steps) {
    prior->prepare(latents());
    for (int step = 0; step < 4; ++step) {
      const Terms terms =
          prior->loss(first_rows(latents(), 64), 0.25 * step, generator);
      ASSERT_EQ(terms.loss.dim(), 0);
      EXPECT_TRUE(terms.loss.isfinite().item<bool>());
      terms.loss.backward();
    }
    expect_gradients_everywhere(*prior);
  }
  if (prior->traits().fitting == Fitting::with_model) {
    at::Tensor loss = prior->log_prob(at::randn({8, kLatent})).sum();
    const Terms own = prior->own_terms(generator);
    if (own.loss.defined()) loss = loss + own.loss;
    loss.backward();
    expect_gradients_everywhere(*prior);
  }
}

TEST_P(PriorConformance, RefusesTheOtherWayOfFitting) {
  const auto prior = make();
  auto generator = make_generator(1, "fit");
  if (prior->traits().fitting != Fitting::at_once) {
    EXPECT_THROW(prior->fit(latents(), quiet_services(), generator), Error);
  }
  if (prior->traits().fitting == Fitting::as_is ||
      prior->traits().fitting == Fitting::at_once) {
    EXPECT_THROW(prior->loss(first_rows(latents(), 4), 0.0, generator), Error);
  }
}

INSTANTIATE_TEST_SUITE_P(Conformance, PriorConformance,
                         testing::ValuesIn(plugins_of("prior")), test_name);

}  // namespace prior_test
}  // namespace shalab
