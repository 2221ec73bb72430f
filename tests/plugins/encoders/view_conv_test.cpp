#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace shalab {
namespace view_conv_test {

using Int = std::int64_t;

std::shared_ptr<Encoder> make_view(const EncoderContext& context,
                                   const ChangedKeys& keys = {}) {
  return make_encoder("view_conv", context, keys);
}

// A kernel of 4 x 4 between i and o channels, with o biases.
constexpr Int conv(Int i, Int o) { return 16 * i * o + o; }

// Two convolutions 3 x 3 of c channels.
constexpr Int block(Int c) { return 2 * (9 * c * c + c); }

TEST(ViewConv, IsCubConvInSize) {
  const auto encoder = make_view({image_of(3, 64), 8, 0, 6},
                                 {{"width", Int{64}}, {"max_width", Int{512}}});
  const Int flat = 512 * 4 * 4;
  EXPECT_EQ(num_parameters(*encoder),
            conv(3, 64) + conv(64, 128) + conv(128, 256) + conv(256, 512) +
                flat * 8 + 8 + 6 * flat + flat + conv(512, 256) +
                conv(256, 128) + conv(128, 64) + conv(64, 3));
}

TEST(ViewConv, HalvesDownToFourByFourWhateverTheSide) {
  const ChangedKeys keys{{"width", Int{2}}, {"max_width", Int{4}}};
  const auto at128 = make_view({image_of(3, 128), 8, 0, 6}, keys);
  const Int flat = 4 * 4 * 4;
  EXPECT_EQ(num_parameters(*at128),
            conv(3, 2) + conv(2, 4) + 3 * conv(4, 4) + flat * 8 + 8 + 6 * flat +
                flat + 3 * conv(4, 4) + conv(4, 2) + conv(2, 3));
  const auto at256 = make_view({image_of(3, 256), 8, 0, 6}, keys);
  EXPECT_EQ(num_parameters(*at256), num_parameters(*at128) + 2 * conv(4, 4));
}

TEST(ViewConv, GivesFeaturesAndPictures) {
  const ChangedKeys keys{{"width", Int{2}}};
  for (const Int channels : {1, 3}) {
    for (const Int side : {64, 128, 256}) {
      const auto encoder = make_view({image_of(channels, side), 5, 2, 7}, keys);
      const Features h = encoder->encode(at::rand({2, channels, side, side}));
      EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 5}));
      EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 2}));
      EXPECT_EQ(encoder->decode(at::rand({4, 7})).mean().sizes(),
                at::IntArrayRef({4, channels, side, side}));
    }
  }
}

TEST(ViewConv, PrivateFeaturesHaveATowerOfTheirOwn) {
  const auto encoder = make_view({image_of(3, 64), 5, 2, 7});
  encoder->encode(at::rand({1, 3, 64, 64})).private_.sum().backward();
  const auto parameters = encoder->named_parameters();
  EXPECT_FALSE(parameters["shared.down_0.weight"].grad().defined());
  EXPECT_TRUE(parameters["private.down_0.weight"].grad().defined());
}

TEST(ViewConv, ResidualBlocksStandAtEverySizeOfMap) {
  const EncoderContext context{image_of(3, 64), 5, 0, 7};
  const ChangedKeys plain{{"width", Int{2}}, {"max_width", Int{8}}};
  ChangedKeys with_blocks = plain;
  with_blocks.emplace_back("residual_blocks", Int{3});
  EXPECT_EQ(num_parameters(*make_view(context, with_blocks)),
            num_parameters(*make_view(context, plain)) +
                2 * 3 * (block(2) + block(4) + block(8) + block(8)));
}

// With the last convolution of each block at zero, blocks are identities.
TEST(ViewConv, ABlockAddsToItsInput) {
  const EncoderContext context{image_of(3, 64), 5, 0, 7};
  const auto plain = make_view(context, {{"width", Int{2}}});
  const auto blocks =
      make_view(context, {{"width", Int{2}}, {"residual_blocks", Int{1}}});
  const at::NoGradGuard no_grad;
  const auto from = plain->named_parameters();
  for (auto& item : blocks->named_parameters()) {
    if (const at::Tensor* same = from.find(item.key())) {
      item.value().copy_(*same);
    } else if (item.key().find(".second.") != std::string::npos) {
      item.value().zero_();
    }
  }
  const at::Tensor x = at::rand({2, 3, 64, 64}), code = at::randn({2, 7});
  EXPECT_TRUE(at::allclose(plain->encode(x).shared, blocks->encode(x).shared));
  EXPECT_TRUE(
      at::allclose(plain->decode(code).mean(), blocks->decode(code).mean()));
}

// A pixel of a corner is seen by the features, and a corner by the code.
TEST(ViewConv, SeesAndDrawsTheWholePicture) {
  const auto encoder =
      make_view({image_of(1, 64), 5, 0, 7}, {{"init", std::string("he")}});
  const at::Tensor x = at::rand({1, 1, 64, 64}).requires_grad_();
  encoder->encode(x).shared.square().sum().backward();
  const at::Tensor code = at::randn({1, 7}).requires_grad_();
  const at::Tensor picture = encoder->decode(code).mean();
  for (const Int y : {0, 63}) {
    for (const Int column : {0, 63}) {
      EXPECT_NE(x.grad()[0][0][y][column].item<float>(), 0.0f);
      code.mutable_grad() = at::Tensor();
      picture[0][0][y][column].backward({}, true);
      EXPECT_GT(code.grad().abs().max().item<float>(), 0.0f);
    }
  }
}

TEST(ViewConv, HeInitialisationZeroesBiases) {
  const auto encoder =
      make_view({image_of(3, 64), 6, 2, 4},
                {{"init", std::string("he")}, {"residual_blocks", Int{1}}});
  for (const auto& item : encoder->named_parameters()) {
    if (!item.key().ends_with("bias")) continue;
    EXPECT_EQ(item.value().abs().max().item<float>(), 0.0f) << item.key();
  }
}

TEST(ViewConv, LikelihoodIsTheKeysOrTheModalitys) {
  const EncoderContext context{image_of(3, 64), 5, 0, 7};
  const at::Tensor code = at::rand({1, 7});
  EXPECT_EQ(make_view(context)->decode(code).family(),
            Likelihood::Family::laplace);
  const auto normal = make_view(context, {{"likelihood", std::string("normal")},
                                          {"likelihood_scale", 0.25}});
  EXPECT_EQ(normal->decode(code).family(), Likelihood::Family::normal);
  EXPECT_EQ(normal->decode(code).scale(), 0.25);
}

TEST(ViewConv, RefusesOtherShapesByName) {
  ModalitySpec oblong = image_of(3, 64);
  oblong.shape = {3, 64, 128};
  for (const auto& modality : {image_of(3, 32), image_of(3, 96), oblong}) {
    EXPECT_TRUE(is_refused([&] { make_view({modality, 5, 0, 5}); }, "photo"));
  }
  EXPECT_TRUE(is_refused([] { make_view({word_of(8), 5, 0, 5}); }, "word"));
}

}  // namespace view_conv_test
}  // namespace shalab
