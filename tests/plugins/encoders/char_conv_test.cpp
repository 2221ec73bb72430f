#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace shalab {
namespace char_conv_test {

TEST(CharConv, GivesFeaturesAndLogitsOfEachPosition) {
  const auto encoder = make_encoder("char_conv", {word_of(8), 6, 3, 4});
  const Features h = encoder->encode(at::randint(5, {2, 8}, at::kLong));
  EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 6}));
  EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 3}));
  const Likelihood likelihood = encoder->decode(at::rand({3, 4}));
  EXPECT_EQ(likelihood.family(), Likelihood::Family::categorical);
  EXPECT_EQ(likelihood.parameters().sizes(), at::IntArrayRef({3, 8, 5}));
}

TEST(CharConv, SeesEachPosition) {
  const auto encoder = make_encoder("char_conv", {word_of(8), 6, 0, 4});
  const at::Tensor word = at::zeros({1, 8}, at::kLong);
  const at::Tensor h = encoder->encode(word).shared;
  for (std::int64_t t = 0; t < 8; ++t) {
    at::Tensor other = word.clone();
    other[0][t] = 3;
    EXPECT_FALSE(at::equal(h, encoder->encode(other).shared)) << t;
  }
}

TEST(CharConv, RefusesOtherLengthsAndKinds) {
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("char_conv", {word_of(7), 6, 0, 4});
      },
      "word"));
  EXPECT_TRUE(is_refused(
      [] {
        make_encoder("char_conv", {curve_of(8), 6, 0, 4});
      },
      "curve"));
}

}  // namespace char_conv_test
}  // namespace shalab
