#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace shalab {
namespace resnet28_test {

// A residual block i -> o with h = min(i, o) has 9 (i h + h o) + h + o, and
// i o more for a shortcut.
constexpr std::int64_t block(std::int64_t i, std::int64_t o) {
  const std::int64_t h = i < o ? i : o;
  return 9 * (i * h + h * o) + h + o + (i == o ? 0 : i * o);
}

constexpr std::int64_t kFlat = 256 * 7 * 7;
constexpr std::int64_t kTower =
    3 * 64 * 9 + 64 + block(64, 64) + block(64, 128) + block(128, 256);
constexpr std::int64_t kDecoder =
    block(256, 128) + block(128, 64) + block(64, 64) + 64 * 3 * 9 + 3;

TEST(Resnet28, IsPolyResInSize) {
  const auto encoder = make_encoder("resnet28", {image_of(3, 28), 8, 0, 6});
  EXPECT_EQ(num_parameters(*encoder),
            kTower + kFlat * 8 + 8 + 6 * kFlat + kFlat + kDecoder);
}

TEST(Resnet28, PrivateFeaturesHaveATowerOfTheirOwn) {
  const auto encoder = make_encoder("resnet28", {image_of(3, 28), 8, 4, 6});
  EXPECT_EQ(num_parameters(*encoder),
            2 * kTower + kFlat * 12 + 12 + 6 * kFlat + kFlat + kDecoder);
  const Features h = encoder->encode(at::rand({1, 3, 28, 28}));
  h.private_.sum().backward();
  const auto parameters = encoder->named_parameters();
  EXPECT_FALSE(parameters["shared.input.weight"].grad().defined());
  EXPECT_TRUE(parameters["private.input.weight"].grad().defined());
}

TEST(Resnet28, TakesOneOrThreeChannels) {
  for (const std::int64_t channels : {1, 3}) {
    const auto encoder =
        make_encoder("resnet28", {image_of(channels, 28), 5, 2, 7});
    const Features h = encoder->encode(at::rand({2, channels, 28, 28}));
    EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 5}));
    EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 2}));
    EXPECT_EQ(encoder->decode(at::rand({4, 7})).mean().sizes(),
              at::IntArrayRef({4, channels, 28, 28}));
  }
}

// With the second convolutions at zero only shortcuts are left: the tower is
// linear in x, so it takes sums to sums.
TEST(Resnet28, ABlockAddsToItsShortcut) {
  const auto encoder =
      make_encoder("resnet28", {image_of(1, 28), 5, 0, 5}, {{"init", "he"}});
  const auto is_linear = [&] {
    const at::Tensor a = at::rand({1, 1, 28, 28}), b = at::rand({1, 1, 28, 28});
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

TEST(Resnet28, FlatFeaturesAreTheMaps) {
  const ChangedKeys keys{{"flat_features", true}};
  const auto encoder =
      make_encoder("resnet28", {image_of(3, 28), kFlat, 0, 6}, keys);
  EXPECT_EQ(num_parameters(*encoder), kTower + 7 * kFlat + kDecoder);
  EXPECT_EQ(encoder->encode(at::rand({2, 3, 28, 28})).shared.sizes(),
            at::IntArrayRef({2, kFlat}));
  EXPECT_TRUE(is_refused(
      [&] {
        make_encoder("resnet28", {image_of(3, 28), 128, 0, 6}, keys);
      },
      "12544"));
}

TEST(Resnet28, RefusesOtherShapesByName) {
  for (const auto& modality : {image_of(3, 32), image_of(2, 28)}) {
    EXPECT_TRUE(is_refused(
        [&] {
          make_encoder("resnet28", {modality, 5, 0, 5});
        },
        "photo"));
  }
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("resnet28", {word_of(8), 5, 0, 5});
      },
      "word"));
}

}  // namespace resnet28_test
}  // namespace shalab
