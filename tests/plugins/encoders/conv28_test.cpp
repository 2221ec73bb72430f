#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace shalab {
namespace conv28_test {

TEST(Conv28, IsPolyConvInSize) {
  const auto encoder = make_encoder("conv28", {image_of(3, 28), 128, 0, 64});
  EXPECT_EQ(num_parameters(*encoder), 355520 + 226243);
}

TEST(Conv28, TakesAnyChannelCount) {
  for (const std::int64_t channels : {1, 3}) {
    const auto encoder =
        make_encoder("conv28", {image_of(channels, 28), 5, 2, 7});
    const Features h = encoder->encode(at::rand({2, channels, 28, 28}));
    EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 5}));
    EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 2}));
    EXPECT_EQ(encoder->decode(at::rand({4, 7})).mean().sizes(),
              at::IntArrayRef({4, channels, 28, 28}));
  }
}

TEST(Conv28, WithoutPrivateFeaturesHasNoPrivateTower) {
  const auto encoder = make_encoder("conv28", {image_of(1, 28), 5, 0, 5});
  EXPECT_FALSE(encoder->encode(at::rand({1, 1, 28, 28})).private_.defined());
}

// a = 1, b = 3 and an even mask give 1 + 0.5 (3 - 1) = 2.
TEST(Conv28, GateComposesTwoLayers) {
  const auto encoder =
      make_encoder("conv28", {image_of(1, 28), 5, 0, 5}, {{"gated", true}});
  auto parameters = encoder->named_parameters();
  const torch::NoGradGuard no_grad;
  parameters["decoder.up3.weight"].zero_();
  parameters["decoder.up3.bias"].copy_(at::tensor({1.0f, 3.0f, 0.0f}));
  const at::Tensor mean = encoder->decode(at::rand({1, 5})).mean();
  EXPECT_TRUE(at::allclose(mean, at::full_like(mean, 2.0)));
}

TEST(Conv28, FeatureActivationCutsNegatives) {
  const EncoderContext context{image_of(1, 28), 64, 0, 5};
  const at::Tensor x = at::rand({8, 1, 28, 28});
  const auto plain = make_encoder("conv28", context);
  const auto cut =
      make_encoder("conv28", context, {{"feature_activation", "relu"}});
  EXPECT_LT(plain->encode(x).shared.min().item<float>(), 0.0f);
  EXPECT_EQ(cut->encode(x).shared.min().item<float>(), 0.0f);
}

TEST(Conv28, HeInitialisationZeroesBiases) {
  const auto encoder =
      make_encoder("conv28", {image_of(1, 28), 5, 0, 5}, {{"init", "he"}});
  for (const auto& item : encoder->named_parameters()) {
    if (item.key().ends_with("bias")) {
      EXPECT_EQ(item.value().abs().max().item<float>(), 0.0f) << item.key();
    }
  }
}

TEST(Conv28, LikelihoodIsTheKeysOrTheModalitys) {
  const EncoderContext context{image_of(1, 28), 5, 0, 5};
  const at::Tensor code = at::rand({1, 5});
  EXPECT_EQ(make_encoder("conv28", context)->decode(code).family(),
            Likelihood::Family::laplace);
  const auto normal = make_encoder(
      "conv28", context, {{"likelihood", "normal"}, {"likelihood_scale", 0.5}});
  EXPECT_EQ(normal->decode(code).family(), Likelihood::Family::normal);
  EXPECT_EQ(normal->decode(code).scale(), 0.5);
}

TEST(Conv28, RefusesOtherShapesByName) {
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("conv28", {image_of(3, 32), 5, 0, 5});
      },
      "photo"));
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("conv28", {word_of(8), 5, 0, 5});
      },
      "word"));
}

}  // namespace conv28_test
}  // namespace shalab
