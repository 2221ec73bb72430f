#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace shalab {
namespace svhn_conv_test {

std::shared_ptr<Encoder> make_svhn(const std::string& variant,
                                   const EncoderContext& context,
                                   ChangedKeys keys = {}) {
  keys.emplace_back("variant", variant);
  return make_encoder("svhn_conv", context, keys);
}

// A kernel of 4 x 4 between i and o channels, with o biases.
constexpr std::int64_t conv(std::int64_t i, std::int64_t o) {
  return 16 * i * o + o;
}

TEST(SvhnConv, VariantsHaveThePrintedSizes) {
  const EncoderContext context{image_of(3, 32), 8, 0, 6};
  EXPECT_EQ(num_parameters(*make_svhn("A", context)),
            conv(3, 32) + conv(32, 64) + conv(64, 128) + 2048 * 8 + 8 +
                conv(6, 128) + conv(128, 64) + conv(64, 32) + conv(32, 3));
  EXPECT_EQ(num_parameters(*make_svhn("B", context)),
            conv(3, 32) + conv(32, 64) + conv(64, 64) + conv(64, 128) +
                128 * 8 + 8 + 6 * 128 + 128 + conv(128, 64) + conv(64, 64) +
                conv(64, 32) + conv(32, 3));
}

TEST(SvhnConv, GivesFeaturesAndImages) {
  for (const char* variant : {"A", "B"}) {
    const auto encoder = make_svhn(variant, {image_of(3, 32), 6, 3, 4});
    const Features h = encoder->encode(at::rand({2, 3, 32, 32}));
    EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 6}));
    EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 3}));
    EXPECT_EQ(encoder->decode(at::rand({5, 4})).mean().sizes(),
              at::IntArrayRef({5, 3, 32, 32}));
  }
}

bool leaves_unit_interval(Encoder& encoder) {
  const at::Tensor out = encoder.decode(at::randn({8, 4}) * 1000).parameters();
  return (out < 0).any().item<bool>() || (out > 1).any().item<bool>();
}

TEST(SvhnConv, OnlyVariantAEndsInASigmoid) {
  const EncoderContext context{image_of(3, 32), 6, 0, 4};
  EXPECT_FALSE(leaves_unit_interval(*make_svhn("A", context)));
  EXPECT_TRUE(leaves_unit_interval(*make_svhn("B", context)));
}

TEST(SvhnConv, BernoulliTakesLogits) {
  const auto encoder = make_svhn("A", {image_of(3, 32), 6, 0, 4},
                                 {{"likelihood", std::string("bernoulli")}});
  EXPECT_TRUE(leaves_unit_interval(*encoder));
  const at::Tensor mean = encoder->decode(at::rand({2, 4})).mean();
  EXPECT_TRUE(((mean > 0) & (mean < 1)).all().item<bool>());
}

TEST(SvhnConv, FlatFeaturesAreTheMaps) {
  const std::pair<const char*, std::int64_t> sizes[] = {{"A", 2048},
                                                        {"B", 128}};
  for (const auto& [variant, flat] : sizes) {
    const ChangedKeys keys{{"flat_features", true}};
    const auto encoder =
        make_svhn(variant, {image_of(3, 32), flat, 0, 4}, keys);
    const at::Tensor h = encoder->encode(at::rand({2, 3, 32, 32})).shared;
    EXPECT_EQ(h.sizes(), at::IntArrayRef({2, flat}));
    EXPECT_GE(h.min().item<float>(), 0.0f);
    EXPECT_TRUE(is_refused(
        [&] {
          make_svhn(variant, {image_of(3, 32), 64, 0, 4}, keys);
        },
        std::to_string(flat)));
  }
}

TEST(SvhnConv, HeInitialisationZeroesBiases) {
  const auto encoder =
      make_svhn("B", {image_of(3, 32), 6, 2, 4}, {{"init", std::string("he")}});
  for (const auto& item : encoder->named_parameters()) {
    if (!item.key().ends_with("bias")) continue;
    EXPECT_EQ(item.value().abs().max().item<float>(), 0.0f) << item.key();
  }
}

TEST(SvhnConv, RefusesOtherShapesByName) {
  EXPECT_TRUE(is_refused(
      [] {
        make_svhn("A", {image_of(3, 28), 5, 0, 5});
      },
      "photo"));
  EXPECT_TRUE(is_refused(
      [] {
        make_svhn("B", {curve_of(8), 5, 0, 5});
      },
      "curve"));
}

}  // namespace svhn_conv_test
}  // namespace shalab
