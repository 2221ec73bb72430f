#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "load_prior.h"
#include "shalab/random.h"
#include "two_modes.h"

namespace shalab {
namespace masked_diffusion_test {

const ModalitySubset kPhoto = ModalitySubset::only(0);
const ModalitySubset kWord = ModalitySubset::only(1);

PriorContext slots_of(const std::vector<std::int64_t>& slots) {
  PriorContext context;
  for (std::size_t m = 0; m < slots.size(); ++m) {
    ModalitySpec modality;
    modality.name = std::string(1, char('a' + m));
    modality.shape = {1};
    context.modalities.push_back(modality);
    context.features.push_back(1);
    context.latent += slots[m];
  }
  context.slots = slots;
  return context;
}

std::shared_ptr<Prior> small_prior(const std::vector<std::int64_t>& slots,
                                   const Keys& more = {}) {
  at::manual_seed(1);
  Keys keys{{"width", std::int64_t{64}},
            {"time_width", std::int64_t{32}},
            {"masking", 0.5},
            {"ema", 0.995}};
  keys.insert(keys.end(), more.begin(), more.end());
  return make_prior("masked_diffusion", slots_of(slots), keys);
}

// Random weights: for facts that need no training.
std::shared_ptr<Prior> shaken(const std::vector<std::int64_t>& slots,
                              const Keys& keys = {}) {
  auto prior = small_prior(slots, keys);
  auto generator = make_generator(23, "shake");
  const at::NoGradGuard no_grad;
  for (auto& p : prior->parameters()) {
    p.copy_(at::randn(p.sizes(), generator) * 0.1);
  }
  prior->named_buffers()["latent_mean"].fill_(0.3);
  prior->named_buffers()["latent_deviation"].fill_(1.7);
  return prior;
}

Condition condition_of(ModalitySubset subset, const at::Tensor& z) {
  Condition condition;
  condition.subset = subset;
  condition.features.resize(2);
  for (const std::size_t m : subset.indices()) {
    condition.features[m] = at::zeros({z.size(0), 1});
  }
  condition.posterior = Posterior::dirac(z);
  return condition;
}

Draw given(Prior& prior, const Condition& condition, std::uint64_t seed = 1) {
  auto generator = make_generator(seed, "given");
  return prior.sample_given(condition, generator);
}

// z = (1 + 2 e_1, -2 + 0.4 e_1 + 0.3 e_2): the second given the first is
// normal with mean -2 + 0.2 (z_1 - 1) and deviation 0.3; the first given the
// second has gain 0.4 * 2 / 0.25 = 3.2 and deviation 2 * 0.6 = 1.2.
LatentSet correlated(std::int64_t rows) {
  auto generator = make_generator(2, "correlated");
  const at::Tensor e = at::randn({rows, 2}, generator);
  const at::Tensor first = e.select(1, 0), second = e.select(1, 1);
  LatentSet set;
  set.mean = at::stack({1 + 2 * first, -2 + 0.4 * first + 0.3 * second}, 1);
  return set;
}

const Prior& trained() {
  static const std::shared_ptr<Prior> prior = [] {
    auto made = small_prior({1, 1});
    train(*made, correlated(4000), 2500);
    return made;
  }();
  return *prior;
}

std::shared_ptr<Prior> trained_with(const Keys& keys) {
  auto prior = small_prior({1, 1}, keys);
  load_from(*prior, trained());
  prior->eval();
  return prior;
}

// 1000 draws given one value: mean within 0.3 true deviations, deviation within
// a fifth.
// Blind to the condition, the deviation would be 1.67 of them and the mean off
// by 1.33 for all values but z_1 = 1.
void expect_conditional(const Keys& keys, ModalitySubset known, double value,
                        double mean, double deviation) {
  const auto prior = trained_with(keys);
  const at::Tensor z = at::full({1000, 2}, float(value));
  const std::int64_t other = known == kPhoto ? 1 : 0;
  const at::Tensor drawn =
      given(*prior, condition_of(known, z)).z.select(1, other);
  EXPECT_NEAR(drawn.mean().item<double>(), mean, 0.3 * deviation)
      << prior->generation(true);
  EXPECT_NEAR(drawn.std().item<double>(), deviation, 0.2 * deviation)
      << prior->generation(true);
}

TEST(MaskedDiffusion, RecoversAConditionalGaussian) {
  for (const char* sampler : {"unipc2", "dpmpp2m", "sde_dpmpp2m"}) {
    const Keys keys{{"sampler", std::string(sampler)}};
    for (const double z1 : {-1.0, 1.0, 3.0}) {
      expect_conditional(keys, kPhoto, z1, -2 + 0.2 * (z1 - 1), 0.3);
    }
    for (const double z2 : {-2.5, -1.5}) {
      expect_conditional(keys, kWord, z2, 1 + 3.2 * (z2 + 2), 1.2);
    }
  }
}

TEST(MaskedDiffusion, TheReverseSdeRecoversItToo) {
  const std::int64_t steps = 100;
  expect_conditional({{"sampler", std::string("euler")}, {"steps", steps}},
                     kPhoto, 3.0, -1.6, 0.3);
  expect_conditional({{"sampler", std::string("repaint")},
                      {"steps", steps},
                      {"resamplings", std::int64_t{3}}},
                     kPhoto, 3.0, -1.6, 0.3);
}

TEST(MaskedDiffusion, JointDrawsHaveTheMoments) {
  const auto prior = trained_with({});
  auto generator = make_generator(3, "joint");
  const at::Tensor z = prior->sample(2000, generator).z;
  const at::Tensor covariance = at::cov(z.t());
  EXPECT_NEAR(z.select(1, 0).mean().item<double>(), 1.0, 0.3);
  EXPECT_NEAR(z.select(1, 1).mean().item<double>(), -2.0, 0.1);
  EXPECT_NEAR(covariance[0][0].item<double>(), 4.0, 1.0);
  EXPECT_NEAR(covariance[0][1].item<double>(), 0.8, 0.2);
  EXPECT_NEAR(covariance[1][1].item<double>(), 0.25, 0.06);
}

TEST(MaskedDiffusion, LeavesKnownSlotsUntouched) {
  const at::Tensor z = at::randn({7, 5}) * 3;
  for (const char* sampler : {"unipc2", "ddpm", "euler", "repaint"}) {
    const auto prior = shaken({2, 3}, {{"sampler", std::string(sampler)},
                                       {"steps", std::int64_t{20}},
                                       {"resamplings", std::int64_t{2}}});
    const auto word = given(*prior, condition_of(kWord, z)).z;
    EXPECT_TRUE(at::equal(word.slice(1, 2), z.slice(1, 2))) << sampler;
    EXPECT_TRUE((word.slice(1, 0, 2) != z.slice(1, 0, 2)).all().item<bool>());
    const auto photo = given(*prior, condition_of(kPhoto, z)).z;
    EXPECT_TRUE(at::equal(photo.slice(1, 0, 2), z.slice(1, 0, 2))) << sampler;
    EXPECT_TRUE(photo.isfinite().all().item<bool>());
  }
}

TEST(MaskedDiffusion, ReadsNothingOfUnknownSlots) {
  const auto prior = shaken({2, 3}, {{"sampler", std::string("euler")}});
  const at::Tensor z = at::randn({4, 5});
  at::Tensor other = z.clone();
  other.slice(1, 0, 2).fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(at::equal(given(*prior, condition_of(kWord, z)).z,
                        given(*prior, condition_of(kWord, other)).z));
}

TEST(MaskedDiffusion, AllSlotsKnownIsTheConditionItself) {
  const auto prior = shaken({2, 3});
  const at::Tensor z = at::randn({4, 5});
  const Draw draw = given(*prior, condition_of(ModalitySubset::all(2), z));
  EXPECT_TRUE(at::equal(draw.z, z));
  EXPECT_EQ(draw.nfe, 0);
}

// A new network predicts zero, so the mean over noised columns of eps^2 is one
// whatever the subset. Unscaled it would be at most 5/6. Five standard errors
// of a mean of 4000 squares: 5 sqrt(2 / 4000) = 0.11.
TEST(MaskedDiffusion, LossIsRescaledToTheNoisedPart) {
  const auto prior = small_prior({1, 2, 3}, {{"masking", 1.0}});
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6, 7, 8}) {
    auto generator = make_generator(seed, "loss");
    LatentBatch batch;
    batch.z = at::zeros({4000, 6});
    EXPECT_NEAR(prior->loss(batch, 0.0, generator).loss.item<double>(), 1.0,
                0.11);
  }
}

// Equal generators give equal draws, so the loss differs from the unmasked one
// just where the batch was masked: 40 tosses, five standard deviations.
TEST(MaskedDiffusion, MasksAtItsProbability) {
  const auto loss = [](double masking, float value, std::uint64_t seed) {
    const auto prior = shaken({1, 1}, {{"masking", masking}});
    auto generator = make_generator(seed, "loss");
    LatentBatch batch;
    batch.z = at::full({64, 2}, value);
    return prior->loss(batch, 0.0, generator).loss.item<double>();
  };
  int differ = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    EXPECT_NE(loss(1.0, 0.3f, seed), loss(0.0, 0.3f, seed));
    if (loss(0.5, 0.3f, seed) != loss(0.0, 0.3f, seed)) ++differ;
  }
  EXPECT_GT(differ, 40 * 0.5 - 5 * std::sqrt(40 * 0.25));
  EXPECT_LT(differ, 40 * 0.5 + 5 * std::sqrt(40 * 0.25));
}

TEST(MaskedDiffusion, StandardisesByTheWholeSet) {
  const auto prior = small_prior({1, 1});
  prior->prepare(correlated(20000));
  const auto buffers = prior->named_buffers();
  EXPECT_NEAR(buffers["latent_mean"][1].item<double>(), -2.0, 0.02);
  EXPECT_NEAR(buffers["latent_deviation"][0].item<double>(), 2.0, 0.05);
  EXPECT_NEAR(buffers["latent_deviation"][1].item<double>(), 0.5, 0.0125);
}

// Rows 0..99 lack the second slot; what stands there is not looked at.
TEST(MaskedDiffusion, AbsentSlotsAreNotRead) {
  const auto with_junk = [](float junk) {
    LatentSet latents = correlated(1000);
    latents.presence = at::ones({1000, 2}, at::kBool);
    latents.presence.slice(0, 0, 100).select(1, 1).fill_(false);
    latents.mean.slice(0, 0, 100).select(1, 1).fill_(junk);
    const auto prior = shaken({1, 1});
    prior->prepare(latents);
    LatentBatch batch;
    batch.z = latents.mean.slice(0, 50, 150);
    batch.batch.presence = latents.presence.slice(0, 50, 150);
    auto generator = make_generator(1, "loss");
    return prior->loss(batch, 0.0, generator).loss.item<double>();
  };
  EXPECT_TRUE(std::isfinite(with_junk(0.0f)));
  EXPECT_EQ(with_junk(0.0f), with_junk(1e4f));
}

// Whatever the network says, here with random weights; without the range the
// same draws leave the data behind.
TEST(MaskedDiffusion, FastSolversStayNearTheData) {
  const LatentSet latents = correlated(1000);
  const auto prior = shaken({1, 1}, {{"sampler", std::string("dpmpp2m")}});
  prior->prepare(latents);
  const at::Tensor low = latents.mean.amin(0), high = latents.mean.amax(0);
  const at::Tensor slack = 0.5 * (high - low);
  const auto stay_near = [&] {
    auto generator = make_generator(3, "joint");
    const at::Tensor z = prior->sample(500, generator).z;
    return ((z > low - slack) & (z < high + slack)).all().item<bool>();
  };
  EXPECT_TRUE(stay_near());
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  prior->named_buffers()["lowest"].fill_(-kInfinity);
  prior->named_buffers()["highest"].fill_(kInfinity);
  EXPECT_FALSE(stay_near());
}

// MLD's own setting costs 250 + 24 * 9 * 10 network calls.
TEST(MaskedDiffusion, CountsEvaluations) {
  const auto nfe = [](const Keys& keys) {
    auto generator = make_generator(1, "nfe");
    return shaken({1, 1}, keys)->sample(2, generator).nfe;
  };
  const std::string euler = "euler", repaint = "repaint";
  EXPECT_EQ(nfe({}), 20);
  EXPECT_EQ(nfe({{"sampler", euler}, {"steps", std::int64_t{33}}}), 33);
  EXPECT_EQ(nfe({{"sampler", repaint}, {"steps", std::int64_t{250}}}), 2410);
  EXPECT_EQ(nfe({{"sampler", repaint}, {"resamplings", std::int64_t{1}}}), 20);
}

TEST(MaskedDiffusion, TellsItsSampler) {
  EXPECT_EQ(small_prior({1, 1})->generation(true),
            "unipc2 steps=20 grid=quadratic");
  EXPECT_EQ(small_prior({1, 1}, {{"sampler", std::string("repaint")}})
                ->generation(false),
            "repaint steps=20 jump_length=10 resamplings=10");
}

TEST(MaskedDiffusion, SameGeneratorSameDraws) {
  const auto prior = shaken({2, 3}, {{"sampler", std::string("repaint")}});
  const auto condition = condition_of(kWord, at::randn({4, 5}));
  EXPECT_TRUE(
      at::equal(given(*prior, condition).z, given(*prior, condition).z));
  EXPECT_FALSE(
      at::equal(given(*prior, condition).z, given(*prior, condition, 2).z));
}

TEST(MaskedDiffusion, RefusesALatentWithoutSlots) {
  const auto refused = [](const PriorContext& context) {
    try {
      make_prior("masked_diffusion", context);
    } catch (const Error& error) {
      return error.kind() == ErrorKind::usage &&
             error.message().find("slots") != std::string::npos;
    }
    return false;
  };
  EXPECT_TRUE(refused(slots_of({4})));
  EXPECT_TRUE(refused(slots_of({4, 0})));
  auto context = slots_of({2, 2});
  context.slots = {};
  EXPECT_TRUE(refused(context));
  context.slots = {2, 3};
  EXPECT_TRUE(refused(context));
}

TEST(MaskedDiffusion, RefusesGroupsThatDoNotDivideTheWidth) {
  EXPECT_THROW(small_prior({1, 1}, {{"groups", std::int64_t{7}}}), Error);
}

TEST(MaskedDiffusion, RefusesAConditionItCannotRead) {
  const auto prior = shaken({2, 3});
  auto condition = condition_of(kWord, at::randn({4, 5}));
  condition.start = at::zeros({4, 5});
  EXPECT_THROW(given(*prior, condition), Error);
  condition = condition_of(kWord, at::randn({4, 5}));
  condition.posterior.reset();
  EXPECT_THROW(given(*prior, condition), Error);
}

}  // namespace masked_diffusion_test
}  // namespace shalab
