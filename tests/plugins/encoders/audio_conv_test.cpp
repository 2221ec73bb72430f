#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace shalab {
namespace audio_conv_test {

ModalitySpec audio_of(std::int64_t bands, std::int64_t frames) {
  ModalitySpec spec = image_of(1, bands);
  spec.name = "audio";
  spec.shape = {1, bands, frames};
  return spec;
}

// A kernel of 5 x 5 between i and o channels, with `biases` of them.
constexpr std::int64_t conv(std::int64_t i, std::int64_t o,
                            std::int64_t biases) {
  return 25 * i * o + biases;
}

// 32 x 32: three steps to 4 x 4 maps of 4 c channels.
TEST(AudioConv, HasTheSizesOfItsLayers) {
  const auto encoder = make_encoder("audio_conv", {audio_of(32, 32), 8, 0, 6},
                                    {{"channels", std::int64_t{16}}});
  EXPECT_EQ(num_parameters(*encoder),
            conv(1, 16, 16) + conv(16, 32, 32) + conv(32, 64, 64) +
                64 * 16 * 8 + 8 + 6 * 64 * 16 + 64 * 16 + conv(64, 32, 32) +
                conv(32, 16, 16) + conv(16, 1, 1));
}

// SpecGAN's own discriminator: 128 x 128, five layers of 64 to 1024 channels.
TEST(AudioConv, ReachesTheSizeOfSpecGan) {
  const auto encoder = make_encoder("audio_conv", {audio_of(128, 128), 1, 0, 1},
                                    {{"channels", std::int64_t{64}}});
  const auto parameters = encoder->named_parameters();
  EXPECT_EQ(parameters["shared.down_4.weight"].sizes(),
            at::IntArrayRef({1024, 512, 5, 5}));
  EXPECT_EQ(parameters["shared.linear.weight"].sizes(),
            at::IntArrayRef({1, 1024 * 16}));
  EXPECT_EQ(parameters["decoder.up_0.weight"].sizes(),
            at::IntArrayRef({64, 1, 5, 5}));
  EXPECT_FALSE(parameters.contains("shared.down_5.weight"));
}

TEST(AudioConv, GivesFeaturesAndImages) {
  const std::pair<std::int64_t, std::int64_t> sizes[] = {
      {8, 8}, {32, 32}, {64, 32}, {16, 64}};
  for (const auto& [bands, frames] : sizes) {
    const auto encoder =
        make_encoder("audio_conv", {audio_of(bands, frames), 6, 3, 4});
    const Features h = encoder->encode(at::rand({2, 1, bands, frames}));
    EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 6}));
    EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 3}));
    EXPECT_EQ(encoder->decode(at::rand({5, 4})).mean().sizes(),
              at::IntArrayRef({5, 1, bands, frames}));
  }
}

// Every cell reaches the features, and every part of the code each cell.
TEST(AudioConv, SeesEveryCell) {
  const auto encoder = make_encoder("audio_conv", {audio_of(16, 32), 5, 0, 4});
  at::Tensor x = at::rand({1, 1, 16, 32}).requires_grad_();
  encoder->encode(x).shared.sum().backward();
  EXPECT_TRUE((x.grad() != 0).all().item<bool>());
  const at::Tensor code = at::ones({1, 4});
  const at::Tensor mean = encoder->decode(code).mean();
  EXPECT_TRUE((mean != encoder->decode(code * 2).mean()).all().item<bool>());
}

TEST(AudioConv, HeInitialisationZeroesBiases) {
  const auto encoder = make_encoder("audio_conv", {audio_of(32, 32), 5, 2, 5},
                                    {{"init", std::string("he")}});
  std::int64_t biases = 0;
  for (const auto& item : encoder->named_parameters()) {
    if (!item.key().ends_with("bias")) continue;
    ++biases;
    EXPECT_EQ(item.value().abs().max().item<float>(), 0.0f) << item.key();
  }
  EXPECT_EQ(biases, 12);  // three networks of three layers and a linear one
}

TEST(AudioConv, LikelihoodIsTheKeysOrTheModalitys) {
  const EncoderContext context{audio_of(32, 32), 5, 0, 5};
  const at::Tensor code = at::rand({1, 5});
  EXPECT_EQ(make_encoder("audio_conv", context)->decode(code).family(),
            Likelihood::Family::laplace);
  const auto normal = make_encoder(
      "audio_conv", context,
      {{"likelihood", std::string("normal")}, {"likelihood_scale", 0.5}});
  EXPECT_EQ(normal->decode(code).family(), Likelihood::Family::normal);
  EXPECT_EQ(normal->decode(code).scale(), 0.5);
}

TEST(AudioConv, RefusesOtherShapesByName) {
  for (const ModalitySpec& modality :
       {audio_of(28, 28), audio_of(32, 4), audio_of(512, 512), word_of(8),
        curve_of(32)}) {
    EXPECT_TRUE(is_refused(
        [&] {
          make_encoder("audio_conv", {modality, 5, 0, 5});
        },
        modality.name))
        << modality.name;
  }
}

}  // namespace audio_conv_test
}  // namespace shalab
