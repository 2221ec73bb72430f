#include <gtest/gtest.h>

#include <cmath>

#include "two_modes.h"

namespace shalab {
namespace diffusion_test {

const ModalitySubset kPhoto = ModalitySubset::only(0);
const ModalitySubset kWord = ModalitySubset::only(1);
const ModalitySubset kBoth = ModalitySubset::all(2);

// Trained once for all tests of this file.
const Prior& trained() {
  static const std::shared_ptr<Prior> prior = [] {
    at::manual_seed(1);
    auto made = small_diffusion();
    train(*made, two_modes(2000), 400);
    return made;
  }();
  return *prior;
}

std::shared_ptr<Prior> trained_with(const Keys& keys) {
  auto prior = small_diffusion(keys);
  load_from(*prior, trained());
  return prior;
}

// The same random weights each time: for facts that need no training.
std::shared_ptr<Prior> shaken_with(const Keys& keys) {
  auto prior = small_diffusion(keys);
  auto generator = make_generator(23, "shake");
  const at::NoGradGuard no_grad;
  for (auto& p : prior->parameters()) {
    p.copy_(at::randn(p.sizes(), generator) * 0.2);
  }
  return prior;
}

at::Tensor sides(std::int64_t rows) {
  return at::where(at::arange(rows) < rows / 2, -1.0, 1.0).to(at::kFloat);
}

Draw joint(Prior& prior, std::int64_t n, std::uint64_t seed = 1) {
  auto generator = make_generator(seed, "joint");
  return prior.sample(n, generator);
}

Draw given(Prior& prior, const Condition& condition, std::uint64_t seed = 1) {
  auto generator = make_generator(seed, "joint");
  return prior.sample_given(condition, generator);
}

// Share of rows within 3 deviations of (side 4, 10): 1 - e^{-4.5} = .989 of
// the true ones.
double share_at(const at::Tensor& z, const at::Tensor& side) {
  const auto target = at::stack({side * 4, at::full_like(side, 10.0)}, 1);
  const auto is_near = (z - target).square().sum(1) < 9.0;
  return is_near.to(at::kDouble).mean().item<double>();
}

double share_at_either(const at::Tensor& z) {
  return share_at(z, z.select(1, 0).sign());
}

TEST(Diffusion, SaysWhatItIs) {
  const auto traits = small_diffusion()->traits();
  EXPECT_EQ(traits.density, PriorTraits::Density::none);
  EXPECT_EQ(traits.fitting, PriorTraits::Fitting::by_steps);
  EXPECT_TRUE(traits.is_conditional);
  EXPECT_FALSE(traits.reads_data);
  EXPECT_TRUE(
      small_diffusion({{"condition", std::string("x")}})->traits().reads_data);
  EXPECT_THROW(small_diffusion()->log_prob(at::zeros({2})), Error);
}

TEST(Diffusion, TellsItsSettings) {
  const auto prior = small_diffusion({{"guidance", 2.5},
                                      {"steps", std::int64_t{8}},
                                      {"guidance_null", std::string("early")}});
  EXPECT_EQ(prior->generation(false),
            "unipc2 steps=8 grid=uniform autoguidance=1");
  EXPECT_EQ(prior->generation(true),
            "unipc2 steps=8 grid=uniform guidance=2.5 null=early "
            "subset=random");
}

TEST(Diffusion, JointDrawsFindBothModes) {
  for (const char* sampler : {"unipc2", "dpmpp2m", "ddim"}) {
    auto prior = trained_with(
        {{"sampler", std::string(sampler)}, {"steps", std::int64_t{20}}});
    const auto z = joint(*prior, 1000).z;
    EXPECT_GT(share_at_either(z), 0.9) << sampler;
    EXPECT_NEAR((z.select(1, 0) > 0).to(at::kFloat).mean().item<float>(), 0.5,
                0.12)
        << sampler;
  }
}

TEST(Diffusion, AncestralDrawsFindBothModes) {
  auto prior = trained_with(
      {{"sampler", std::string("ddpm")}, {"steps", std::int64_t{100}}});
  const auto draw = joint(*prior, 500);
  EXPECT_GT(share_at_either(draw.z), 0.9);
  EXPECT_EQ(draw.nfe, 100);
}

TEST(Diffusion, ConditionalDrawsFindTheRightMode) {
  auto prior = trained_with({});
  for (const auto subset : {kPhoto, kWord, kBoth}) {
    const auto side = sides(400);
    EXPECT_GT(share_at(given(*prior, condition_on(subset, side)).z, side), 0.9)
        << subset.bits();
  }
}

TEST(Diffusion, PredictingTheNoiseLearnsToo) {
  at::manual_seed(1);
  auto prior = small_diffusion(
      {{"prediction", std::string("eps")}, {"noise", std::string("cosine")}});
  train(*prior, two_modes(2000), 400);
  EXPECT_GT(share_at_either(joint(*prior, 500).z), 0.9);
}

TEST(Diffusion, ReadsTheDataWhereConditionIsX) {
  at::manual_seed(1);
  auto prior = small_diffusion({{"condition", std::string("x")}});
  train(*prior, two_modes(2000), 400);
  const auto side = sides(200);
  EXPECT_GT(share_at(given(*prior, condition_on(kPhoto, side)).z, side), 0.9);
  auto condition = condition_on(kPhoto, side);
  condition.batch.data.clear();
  EXPECT_THROW(given(*prior, condition), Error);
}

TEST(Diffusion, TransformerTrains) {
  at::manual_seed(1);
  auto prior = small_diffusion({{"denoiser", std::string("transformer")},
                                {"tokens", std::int64_t{2}},
                                {"heads", std::int64_t{4}}});
  EXPECT_LT(train(*prior, two_modes(500), 40), 0.8);
  EXPECT_EQ(joint(*prior, 5).z.sizes(), (at::IntArrayRef{5, 2}));
}

TEST(Diffusion, GuidanceZeroIsUnconditional) {
  auto prior = shaken_with({{"guidance", 0.0}});
  const auto z = given(*prior, condition_on(kPhoto, sides(50)));
  EXPECT_TRUE(at::equal(z.z, joint(*prior, 50).z));
  EXPECT_EQ(z.nfe, 10);
}

TEST(Diffusion, GuidanceOneIsConditional) {
  // The null vector has no part in it: changing it changes nothing.
  auto prior = shaken_with({});
  const auto condition = condition_on(kPhoto, sides(50));
  const auto before = given(*prior, condition);
  EXPECT_EQ(before.nfe, 10);
  {
    const at::NoGradGuard no_grad;
    prior->named_parameters()["average.null"].add_(3.0);
  }
  EXPECT_TRUE(at::equal(before.z, given(*prior, condition).z));
  EXPECT_FALSE(at::equal(joint(*prior, 50).z, joint(*shaken_with({}), 50).z));
}

TEST(Diffusion, GuidanceIsLinearInTheScale) {
  // With one step z is affine in the prediction, so z(2) - z(0) is twice
  // z(1) - z(0).
  const auto condition = condition_on(kPhoto, sides(20));
  const auto at_scale = [&](double g) {
    auto prior = shaken_with({{"guidance", g}, {"steps", std::int64_t{1}}});
    return given(*prior, condition).z;
  };
  const auto zero = at_scale(0), one = at_scale(1), two = at_scale(2);
  EXPECT_FALSE(at::allclose(zero, one));
  EXPECT_TRUE(at::allclose(two - zero, 2 * (one - zero), 1e-3, 1e-3));
}

TEST(Diffusion, CountsGuidedEvaluationsTwice) {
  const auto side = sides(4);
  const auto nfe = [&](const Keys& keys, ModalitySubset subset) {
    auto prior = shaken_with(keys);
    return given(*prior, condition_on(subset, side)).nfe;
  };
  EXPECT_EQ(nfe({{"guidance", 2.0}}, kPhoto), 20);
  EXPECT_EQ(nfe({{"guidance", 2.0}}, kBoth), 20);
  const std::string average = "average", early = "early";
  EXPECT_EQ(nfe({{"subset_conditioning", average}}, kBoth), 20);
  EXPECT_EQ(nfe({{"subset_conditioning", average}, {"guidance", 2.0}}, kBoth),
            30);
  EXPECT_EQ(nfe({{"guidance_null", early}, {"guidance", 2.0}}, kWord), 20);
  auto prior = shaken_with({{"autoguidance", 2.0}});
  EXPECT_EQ(joint(*prior, 4).nfe, 20);
}

TEST(Diffusion, EarlyCopyGuides) {
  auto prior = shaken_with({{"autoguidance", 2.0}});
  auto plain = shaken_with({});
  EXPECT_FALSE(at::equal(joint(*prior, 20).z, joint(*plain, 20).z));
  // early + 0 (own - early) is the early network alone
  auto early = shaken_with({{"autoguidance", 0.0}});
  const auto z = joint(*early, 20).z;
  {
    const at::NoGradGuard no_grad;
    early->named_parameters()["average.null"].add_(3.0);
  }
  EXPECT_TRUE(at::allclose(z, joint(*early, 20).z));
}

TEST(Diffusion, TakesTheEarlyCopyOnceAtItsShare) {
  auto prior = small_diffusion({{"snapshot", 0.5}});
  const auto early = [&] {
    return prior->named_buffers()["early_at.value"].item<std::int64_t>();
  };
  prior->after_step(0.0);
  EXPECT_EQ(early(), 0);
  prior->after_step(0.5);
  EXPECT_EQ(early(), 2);
  prior->after_step(0.9);
  prior->after_training(at::zeros({1, 2}));
  EXPECT_EQ(early(), 2);
}

TEST(Diffusion, LivesInItsParametersAndBuffers) {
  const auto saved = trained_with({});
  const auto loaded = small_diffusion();
  EXPECT_FALSE(at::equal(joint(*saved, 9).z, joint(*loaded, 9).z));
  load_from(*loaded, *saved);
  EXPECT_TRUE(at::equal(joint(*saved, 9).z, joint(*loaded, 9).z));
}

TEST(Diffusion, OptimisesOnlyTheLiveNetwork) {
  for (const auto& item : small_diffusion()->named_parameters()) {
    const bool is_live = item.key().rfind("network.", 0) == 0;
    EXPECT_EQ(item.value().requires_grad(), is_live) << item.key();
  }
}

TEST(Diffusion, EmaFollowsTheWeights) {
  auto prior = small_diffusion();
  auto parameters = prior->named_parameters();
  const auto before = parameters["average.null"].clone();
  {
    const at::NoGradGuard no_grad;
    parameters["network.null"].add_(1.0);
  }
  prior->after_step(0.0);  // d = 1/10 at the first update
  EXPECT_TRUE(at::allclose(parameters["average.null"], before + 0.9));
}

TEST(Diffusion, StandardisesByTheWholeSet) {
  auto prior = small_diffusion();
  prior->prepare(two_modes(2000));
  const auto buffers = prior->named_buffers();
  EXPECT_NEAR(buffers["latent_mean"][1].item<float>(), 10.0, 1e-4);
  EXPECT_NEAR(buffers["latent_deviation"][0].item<float>(),
              std::sqrt(16.0 + 1.0), 0.01);
  EXPECT_NEAR(buffers["latent_deviation"][1].item<float>(), 1.0, 1e-3);
  EXPECT_NEAR(buffers["features_0_deviation"][0].item<float>(), 5.0, 0.01);
  auto raw = small_diffusion({{"standardise", false}});
  raw->prepare(two_modes(100));
  EXPECT_EQ(raw->named_buffers()["latent_mean"][1].item<float>(), 0.0f);
}

TEST(Diffusion, LossOfANewNetworkIsTheTargetsPower) {
  // The output starts at zero and both targets have unit variance on
  // standardised z.
  for (const char* prediction : {"v", "eps"}) {
    auto prior = small_diffusion({{"prediction", std::string(prediction)}});
    const auto latents = two_modes(2000);
    prior->prepare(latents);
    auto generator = make_generator(2, "loss");
    const auto terms =
        prior->loss(batch_of(latents, 2000, generator), 0.0, generator);
    EXPECT_NEAR(terms.loss.item<double>(), 1.0, 0.08) << prediction;
    ASSERT_EQ(terms.named.size(), 1U);
    EXPECT_EQ(terms.named[0].first, "denoising");
  }
}

TEST(Diffusion, TrainingReadsNoAbsentModality) {
  auto prior = small_diffusion({{"condition_dropout", 0.0}});
  const auto latents = two_modes(100);
  auto generator = make_generator(2, "batch");
  auto batch = batch_of(latents, 8, generator);
  batch.batch.presence = at::zeros({8, 2}, at::kBool);
  {
    const at::NoGradGuard no_grad;  // leave the zero start
    for (auto& p : prior->parameters()) p.add_(at::randn_like(p) * 0.1);
  }
  prior->loss(batch, 0.0, generator).loss.backward();
  const auto parameters = prior->named_parameters();
  const auto vectors = parameters["network.modality_vectors"].grad();
  EXPECT_TRUE(!vectors.defined() || vectors.abs().sum().item<float>() == 0.0f);
  EXPECT_GT(parameters["network.null"].grad().abs().sum().item<float>(), 0.0f);
}

TEST(Diffusion, SameGeneratorSameDraws) {
  auto prior = shaken_with({{"sampler", std::string("ddpm")}});
  const auto condition = condition_on(kBoth, sides(20));
  EXPECT_TRUE(
      at::equal(given(*prior, condition, 4).z, given(*prior, condition, 4).z));
  EXPECT_FALSE(
      at::equal(given(*prior, condition, 4).z, given(*prior, condition, 5).z));
  const auto loss = [&](std::uint64_t seed) {
    auto generator = make_generator(seed, "loss");
    const auto batch = batch_of(two_modes(100), 32, generator);
    return prior->loss(batch, 0.5, generator).loss.item<float>();
  };
  EXPECT_EQ(loss(1), loss(1));
  EXPECT_NE(loss(1), loss(2));
}

TEST(Diffusion, ManyRowsAreDrawnInParts) {
  auto prior = shaken_with({{"steps", std::int64_t{2}}});
  const auto draw = joint(*prior, 4100);
  EXPECT_EQ(draw.z.size(0), 4100);
  EXPECT_EQ(draw.nfe, 2);
  EXPECT_TRUE(draw.z.isfinite().all().item<bool>());
}

TEST(Diffusion, AStartIsKeptAtLowNoiseAndForgottenAtFull) {
  auto unconditional = trained_with({{"guidance", 0.0}});
  auto conditional = trained_with({});
  const auto side = sides(200);
  auto condition = condition_on(kPhoto, side);
  condition.start = at::stack({side * -4, at::full({200}, 10.0f)}, 1);
  condition.noise_level = 0.1;
  const auto kept = given(*unconditional, condition);
  EXPECT_GT(share_at(kept.z, -side), 0.9);
  EXPECT_EQ(kept.nfe, 1);  // of ten uniform steps
  condition.noise_level = 1.0;
  EXPECT_GT(share_at(given(*conditional, condition).z, side), 0.9);
  condition.noise_level = 0.0;
  EXPECT_THROW(given(*conditional, condition), Error);
}

std::string refusal(Prior& prior, const Condition& condition) {
  try {
    given(prior, condition);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Diffusion, RefusesConditionsItCannotRead) {
  auto prior = small_diffusion();
  Condition condition = condition_on(kBoth, sides(4));
  condition.features[1] = at::Tensor();
  EXPECT_NE(refusal(*prior, condition).find("features of word"),
            std::string::npos);
  condition.features[1] = at::zeros({4, 7});
  EXPECT_NE(refusal(*prior, condition)
                .find("must be [B, 2], got 2 dimensions"
                      ", the last of 7"),
            std::string::npos);
  condition = condition_on(kPhoto, sides(4));
  condition.subset = condition.subset.with(5);
  EXPECT_NE(refusal(*prior, condition).find("modality 5 of 2"),
            std::string::npos);
  condition.subset = ModalitySubset::none();
  EXPECT_THROW(given(*prior, condition), Error);
}

}  // namespace diffusion_test
}  // namespace shalab
