#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace shalab {
namespace mlp_test {

void expect_shapes(const ModalitySpec& modality, const at::Tensor& x) {
  const auto encoder = make_encoder("mlp", {modality, 6, 2, 4});
  const Features h = encoder->encode(x);
  EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({2, 6}));
  EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({2, 2}));
  const at::Tensor fit = encoder->decode(at::rand({2, 4})).log_prob(x);
  EXPECT_EQ(fit.sizes(), at::IntArrayRef({2}));
}

TEST(MlpEncoder, FitsEveryKind) {
  expect_shapes(curve_of(3), at::randn({2, 3}));
  expect_shapes(image_of(3, 5), at::rand({2, 3, 5, 5}));
  expect_shapes(word_of(7), at::randint(5, {2, 7}, at::kLong));
}

// One layer each way: 3 x 6 + 6 and 4 x 3 + 3.
TEST(MlpEncoder, OfOneLayerIsLinear) {
  const auto encoder = make_encoder("mlp", {curve_of(3), 6, 0, 4},
                                    {{"layers", std::int64_t{1}}});
  EXPECT_EQ(num_parameters(*encoder), 24 + 15);
}

TEST(MlpEncoder, RefusesALikelihoodThatDoesNotFit) {
  const auto encoder =
      make_encoder("mlp", {word_of(3), 6, 0, 4}, {{"likelihood", "normal"}});
  EXPECT_TRUE(is_refused([&] { encoder->decode(at::rand({2, 4})); }, "word"));
}

}  // namespace mlp_test
}  // namespace shalab
