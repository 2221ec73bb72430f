#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "samples.h"

namespace shalab {
namespace token_conv_test {

// A convolution of a kernel with `area` weights, biases, and the scale and
// shift of its normalisation.
constexpr std::int64_t layer(std::int64_t area, std::int64_t i,
                             std::int64_t o) {
  return area * i * o + o + 2 * o;
}

constexpr std::int64_t linear(std::int64_t i, std::int64_t o) {
  return i * o + o;
}

// The published networks, layer by layer, without their heads.
constexpr std::int64_t kPrivateTower =
    layer(16, 1, 32) + layer(16, 32, 64) + layer(16, 64, 128);
constexpr std::int64_t kSharedTower =
    kPrivateTower + layer(4, 128, 256) + layer(4, 256, 512);

constexpr std::int64_t shared_branch(std::int64_t code) {
  return layer(16, code, 512) + layer(4, 512, 256) + layer(9, 256, 256) +
         layer(4, 256, 128);
}
constexpr std::int64_t private_branch(std::int64_t code) {
  return layer(16, code, 512) + layer(4, 512, 256) + layer(4, 256, 128);
}
constexpr std::int64_t joint(std::int64_t channels) {
  return layer(9, channels, 128) + layer(16, 128, 64) + layer(16, 64, 32) +
         16 * 32 + 1;
}

ModalitySpec caption_of(std::int64_t vocabulary) {
  ModalitySpec spec = word_of(32);
  spec.name = "caption";
  spec.vocabulary.assign(static_cast<std::size_t>(vocabulary), "w");
  return spec;
}

// MMVAE+ on CUB: 1,590 tokens, z of 48 and w of 16.
TEST(TokenConv, IsCubTextInSize) {
  const auto encoder = make_encoder("token_conv", {caption_of(1590), 5, 3, 64},
                                    {{"private_code", std::int64_t{16}}});
  EXPECT_EQ(num_parameters(*encoder),
            linear(1590, 128) + kSharedTower + linear(8192, 5) + kPrivateTower +
                linear(8192, 3) + shared_branch(48) + private_branch(16) +
                joint(256) + linear(128, 1590));
}

TEST(TokenConv, WithoutPrivateCodeHasOneBranch) {
  const auto encoder = make_encoder("token_conv", {caption_of(9), 5, 0, 64});
  EXPECT_EQ(num_parameters(*encoder), linear(9, 128) + kSharedTower +
                                          linear(8192, 5) + shared_branch(64) +
                                          joint(128) + linear(128, 9));
}

TEST(TokenConv, GivesFeaturesAndLogitsOfEachPosition) {
  const auto encoder = make_encoder("token_conv", {caption_of(9), 6, 3, 7},
                                    {{"private_code", std::int64_t{2}}});
  const Features h = encoder->encode(at::randint(9, {2, 32}, at::kLong));
  EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 6}));
  EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 3}));
  const Likelihood likelihood = encoder->decode(at::rand({3, 7}));
  EXPECT_EQ(likelihood.family(), Likelihood::Family::categorical);
  EXPECT_EQ(likelihood.parameters().sizes(), at::IntArrayRef({3, 32, 9}));
}

// The first layer is linear on one-hot tokens: W e_v + b.
TEST(TokenConv, EmbedsATokenAsAColumnOfTheLinearLayer) {
  const auto encoder = make_encoder("token_conv", {caption_of(9), 6, 0, 4});
  encoder->eval();
  const at::Tensor tokens = at::zeros({1, 32}, at::kLong);
  const at::Tensor before = encoder->encode(tokens).shared;
  const at::NoGradGuard no_grad;
  auto parameters = encoder->named_parameters();
  at::Tensor weight = parameters["symbol.weight"];
  ASSERT_EQ(weight.sizes(), at::IntArrayRef({128, 9}));
  weight.slice(1, 1).zero_();
  EXPECT_TRUE(at::equal(before, encoder->encode(tokens).shared));
  parameters["symbol.bias"].add_(weight.select(1, 0));
  weight.zero_();
  EXPECT_TRUE(at::allclose(before, encoder->encode(tokens).shared));
}

TEST(TokenConv, SeesEachPosition) {
  const auto encoder = make_encoder("token_conv", {caption_of(9), 6, 2, 4});
  encoder->eval();
  const at::Tensor caption = at::zeros({1, 32}, at::kLong);
  const Features h = encoder->encode(caption);
  for (std::int64_t t = 0; t < 32; ++t) {
    at::Tensor other = caption.clone();
    other[0][t] = 3;
    const Features changed = encoder->encode(other);
    EXPECT_FALSE(at::equal(h.shared, changed.shared)) << t;
    EXPECT_FALSE(at::equal(h.private_, changed.private_)) << t;
  }
}

// He's weights, or what the code says is rounded away on its way through
// layers that nothing normalises in evaluation mode.
TEST(TokenConv, ReadsThePrivateCodeByItsOwnBranch) {
  const auto encoder = make_encoder(
      "token_conv", {caption_of(9), 6, 2, 4},
      {{"private_code", std::int64_t{1}}, {"init", std::string("he")}});
  encoder->eval();
  const at::NoGradGuard no_grad;
  const at::Tensor code = at::rand({1, 4});
  at::Tensor other = code.clone();
  other[0][3] += 1;
  const auto logits = [&](const at::Tensor& z) {
    return encoder->decode(z).parameters();
  };
  EXPECT_FALSE(at::equal(logits(code), logits(other)));
  for (auto& item : encoder->named_parameters()) {
    if (item.key().find("private") != std::string::npos) item.value().zero_();
  }
  EXPECT_TRUE(at::equal(logits(code), logits(other)));
  other[0][2] += 1;
  EXPECT_FALSE(at::equal(logits(code), logits(other)));
}

TEST(TokenConv, TowersShareTheEmbeddingAlone) {
  const auto encoder = make_encoder("token_conv", {caption_of(9), 6, 2, 4});
  encoder->encode(at::randint(9, {3, 32}, at::kLong)).private_.sum().backward();
  const auto parameters = encoder->named_parameters();
  EXPECT_TRUE(parameters["symbol.weight"].grad().defined());
  EXPECT_TRUE(parameters["private.linear.weight"].grad().defined());
  EXPECT_FALSE(parameters["shared.linear.weight"].grad().defined());
}

// The slope along a random direction of the embedding that climbs, in double
// precision; a step so small that hardly a ReLU changes its side.
TEST(TokenConv, GradientsAreFiniteDifferences) {
  const auto encoder = make_encoder("token_conv", {caption_of(9), 4, 0, 4});
  encoder->to(at::kDouble);
  const at::Tensor tokens = at::randint(9, {3, 32}, at::kLong);
  const auto f = [&] {
    const at::Tensor h = encoder->encode(tokens).shared;
    return encoder->decode(h).parameters().square().sum();
  };
  at::Tensor weight = encoder->named_parameters()["symbol.weight"];
  f().backward();
  const at::Tensor direction =
      weight.grad().sign() * at::randn({128, 9}, at::kDouble).abs();
  const double expected = (weight.grad() * direction).sum().item<double>();
  const at::NoGradGuard no_grad;
  const double step = 1e-10;
  weight.add_(direction, step);
  const double above = f().item<double>();
  weight.sub_(direction, 2 * step);
  const double below = f().item<double>();
  EXPECT_NE(expected, 0.0);
  EXPECT_NEAR((above - below) / (2 * step), expected,
              1e-3 * std::abs(expected) + 1e-6);
}

TEST(TokenConv, FlatFeaturesAreTheMaps) {
  const ChangedKeys keys{{"flat_features", true}};
  const auto encoder =
      make_encoder("token_conv", {caption_of(9), 8192, 8192, 4}, keys);
  const Features h = encoder->encode(at::randint(9, {2, 32}, at::kLong));
  EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 8192}));
  EXPECT_GE(h.shared.min().item<float>(), 0.0F);
  EXPECT_TRUE(is_refused(
      [&] {
        make_encoder("token_conv", {caption_of(9), 64, 0, 4}, keys);
      },
      "8192"));
}

TEST(TokenConv, RefusesOtherLengthsAndKinds) {
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("token_conv", {word_of(8), 6, 0, 4});
      },
      "word"));
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("token_conv", {curve_of(32), 6, 0, 4});
      },
      "curve"));
}

TEST(TokenConv, RefusesAPrivateCodeThatIsNotThere) {
  const std::pair<std::int64_t, std::int64_t> cases[] = {{0, 2}, {3, 4}};
  for (const auto& [private_features, private_code] : cases) {
    EXPECT_TRUE(is_refused(
        [&] {
          make_encoder("token_conv", {caption_of(9), 6, private_features, 4},
                       {{"private_code", private_code}});
        },
        "private_code"));
  }
}

}  // namespace token_conv_test
}  // namespace shalab
