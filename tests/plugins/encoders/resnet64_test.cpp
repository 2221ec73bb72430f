#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace shalab {
namespace resnet64_test {

constexpr std::int64_t conv3(std::int64_t i, std::int64_t o) {
  return 9 * i * o + o;
}

// A residual block i -> o through h = min(i, o) channels, with a shortcut
// without bias where i and o differ.
constexpr std::int64_t block(std::int64_t i, std::int64_t o) {
  const std::int64_t h = i < o ? i : o;
  return conv3(i, h) + conv3(h, o) + (i == o ? 0 : i * o);
}

// The published lists of blocks: five halvings, 64 to 256 channels.
constexpr std::int64_t kFlat = 256 * 2 * 2;
constexpr std::int64_t kTower = conv3(3, 64) + block(64, 64) + block(64, 128) +
                                block(128, 256) + 3 * block(256, 256);
constexpr std::int64_t kDecoder = 3 * block(256, 256) + block(256, 128) +
                                  block(128, 64) + block(64, 64) + conv3(64, 3);

TEST(Resnet64, IsCubResInSize) {
  const auto encoder = make_encoder("resnet64", {image_of(3, 64), 8, 0, 6});
  EXPECT_EQ(num_parameters(*encoder),
            kTower + kFlat * 8 + 8 + 6 * kFlat + kFlat + kDecoder);
  EXPECT_EQ(kTower, 4210624);
  EXPECT_EQ(kDecoder, 4210371);
}

TEST(Resnet64, PrivateFeaturesHaveATowerOfTheirOwn) {
  const auto encoder = make_encoder("resnet64", {image_of(3, 64), 8, 4, 6});
  EXPECT_EQ(num_parameters(*encoder),
            2 * kTower + kFlat * 12 + 12 + 6 * kFlat + kFlat + kDecoder);
  const Features h = encoder->encode(at::rand({1, 3, 64, 64}));
  h.private_.sum().backward();
  const auto parameters = encoder->named_parameters();
  EXPECT_FALSE(parameters["shared.input.weight"].grad().defined());
  EXPECT_TRUE(parameters["private.input.weight"].grad().defined());
}

TEST(Resnet64, TakesAnyChannelCount) {
  for (const std::int64_t channels : {1, 4}) {
    const auto encoder =
        make_encoder("resnet64", {image_of(channels, 64), 5, 2, 7});
    const Features h = encoder->encode(at::rand({2, channels, 64, 64}));
    EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 5}));
    EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 2}));
    EXPECT_EQ(encoder->decode(at::rand({4, 7})).mean().sizes(),
              at::IntArrayRef({4, channels, 64, 64}));
  }
}

// MLD's and MultiVae's copies: two halvings, to 16 x 16 maps of 256 channels.
TEST(Resnet64, StopsAtAnotherGrid) {
  const auto encoder = make_encoder("resnet64", {image_of(3, 64), 8, 0, 6},
                                    {{"grid", std::string("16")}});
  constexpr std::int64_t flat = 256 * 16 * 16;
  EXPECT_EQ(num_parameters(*encoder),
            conv3(3, 64) + block(64, 64) + block(64, 128) + block(128, 256) +
                flat * 8 + 8 + 6 * flat + flat + block(256, 128) +
                block(128, 64) + block(64, 64) + conv3(64, 3));
  EXPECT_EQ(encoder->decode(at::rand({1, 6})).mean().sizes(),
            at::IntArrayRef({1, 3, 64, 64}));
  const auto narrow = make_encoder(
      "resnet64", {image_of(3, 64), 8, 0, 6},
      {{"grid", std::string("16")}, {"max_width", std::int64_t{128}}});
  EXPECT_EQ(narrow->named_parameters()["shared.linear.weight"].sizes(),
            at::IntArrayRef({8, 128 * 16 * 16}));
}

// With the second convolutions at zero only shortcuts are left: the tower is
// linear in x, so it takes sums to sums.
TEST(Resnet64, ABlockAddsToItsShortcut) {
  const auto encoder =
      make_encoder("resnet64", {image_of(1, 64), 5, 0, 5}, {{"init", "he"}});
  const auto is_linear = [&] {
    const at::Tensor a = at::rand({1, 1, 64, 64}), b = at::rand({1, 1, 64, 64});
    const auto f = [&](const at::Tensor& x) {
      return encoder->encode(x).shared;
    };
    return at::allclose(f(a + b), f(a) + f(b), 1e-3, 1e-4);
  };
  EXPECT_FALSE(is_linear());
  const at::NoGradGuard no_grad;
  for (auto& item : encoder->named_parameters()) {
    if (item.key().find(".second.") != std::string::npos) item.value().zero_();
  }
  EXPECT_TRUE(is_linear());
}

// The slope along a random direction that climbs, in double precision. Along
// any random direction the slope may be near zero beside the gradient, where
// the ReLUs that change sides outweigh it.
TEST(Resnet64, GradientsAreFiniteDifferences) {
  const auto encoder = make_encoder("resnet64", {image_of(3, 64), 5, 0, 5});
  encoder->to(at::kDouble);
  const at::Tensor x = at::rand({1, 3, 64, 64}, at::kDouble);
  const auto f = [&](const at::Tensor& image) {
    const at::Tensor h = encoder->encode(image).shared;
    return encoder->decode(h).parameters().square().sum();
  };
  const at::Tensor at_x = x.clone().requires_grad_();
  f(at_x).backward();
  const at::Tensor direction =
      at_x.grad().sign() * at::randn({1, 3, 64, 64}, at::kDouble).abs();
  const double step = 1e-7;
  const double slope =
      (f(x + step * direction) - f(x - step * direction)).item<double>() /
      (2 * step);
  const double expected = (at_x.grad() * direction).sum().item<double>();
  EXPECT_NE(expected, 0.0);
  EXPECT_NEAR(slope, expected, 1e-4 * std::abs(expected) + 1e-8);
}

TEST(Resnet64, FlatFeaturesAreTheMaps) {
  const ChangedKeys keys{{"flat_features", true}};
  const auto encoder =
      make_encoder("resnet64", {image_of(3, 64), kFlat, 0, 6}, keys);
  EXPECT_EQ(num_parameters(*encoder), kTower + 7 * kFlat + kDecoder);
  EXPECT_EQ(encoder->encode(at::rand({2, 3, 64, 64})).shared.sizes(),
            at::IntArrayRef({2, kFlat}));
  EXPECT_TRUE(is_refused(
      [&] {
        make_encoder("resnet64", {image_of(3, 64), 128, 0, 6}, keys);
      },
      "1024"));
}

TEST(Resnet64, RefusesOtherShapesAndGrids) {
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("resnet64", {image_of(3, 28), 5, 0, 5});
      },
      "photo"));
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("resnet64", {word_of(32), 5, 0, 5});
      },
      "word"));
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("resnet64", {image_of(3, 64), 5, 0, 5},
                     {{"grid", std::string("3")}});
      },
      "grid"));
}

}  // namespace resnet64_test
}  // namespace shalab
