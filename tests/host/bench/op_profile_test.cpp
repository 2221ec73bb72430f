#include "bench/op_profile.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>

#include "shalab/error.h"

namespace shalab {
namespace op_profile_test {

at::Tensor leaf(at::IntArrayRef sizes) {
  return at::randn(sizes).requires_grad_(true);
}

TEST(OpProfile, CountsWorkAndNotItsCallers) {
  const auto a = at::ones({8, 16});
  const auto b = at::ones({16, 4});
  const OpProfile profile;
  at::matmul(a, b);
  at::matmul(a, b);
  const auto costs = profile.costs();
  ASSERT_EQ(costs.count("aten::mm"), 1U);
  EXPECT_EQ(costs.at("aten::mm").calls, 2);
  EXPECT_EQ(costs.at("aten::matmul").calls, 0);
  EXPECT_DOUBLE_EQ(costs.at("aten::mm").flop, 2 * (2.0 * 8 * 16 * 4));
  EXPECT_DOUBLE_EQ(costs.at("aten::mm").bytes,
                   2 * 4.0 * (8 * 16 + 16 * 4 + 8 * 4));
  EXPECT_DOUBLE_EQ(total(costs).flop, costs.at("aten::mm").flop);
}

TEST(OpProfile, KnowsAConvolutionAndItsGradients) {
  const auto x = leaf({2, 3, 8, 8});
  const auto weight = leaf({5, 3, 3, 3});
  const double once = 2.0 * 2 * (4 * 4) * 5 * (3 * 9);
  const OpProfile profile;
  at::conv2d(x, weight, {}, 2, 1).sum().backward();
  const auto costs = profile.costs();
  EXPECT_DOUBLE_EQ(costs.at("aten::convolution").flop, once);
  EXPECT_DOUBLE_EQ(costs.at("aten::convolution_backward").flop, 2 * once);
}

TEST(OpProfile, CountsOnlyTheGradientsAskedFor) {
  const auto x = at::randn({2, 3, 8, 8});
  const auto weight = leaf({5, 3, 3, 3});
  const OpProfile profile;
  at::conv2d(x, weight).sum().backward();
  EXPECT_DOUBLE_EQ(profile.costs().at("aten::convolution_backward").flop,
                   2.0 * 2 * (6 * 6) * 5 * (3 * 9));
}

TEST(OpProfile, KnowsATransposedConvolution) {
  const auto x = leaf({2, 6, 4, 4});
  const auto weight = leaf({6, 5, 3, 3});
  const double once = 2.0 * 2 * (4 * 4) * 6 * (5 * 9);
  const OpProfile profile;
  at::conv_transpose2d(x, weight, {}, 2, 1).sum().backward();
  EXPECT_DOUBLE_EQ(profile.costs().at("aten::convolution").flop, once);
  EXPECT_DOUBLE_EQ(profile.costs().at("aten::convolution_backward").flop,
                   2 * once);
}

TEST(OpProfile, KnowsProductsWithABias) {
  const OpProfile profile;
  at::addmm(at::zeros({4}), at::ones({8, 16}), at::ones({16, 4}));
  at::baddbmm(at::zeros({3, 8, 4}), at::ones({3, 8, 16}), at::ones({3, 16, 4}));
  const auto costs = profile.costs();
  EXPECT_DOUBLE_EQ(costs.at("aten::addmm").flop, 2.0 * 8 * 16 * 4);
  EXPECT_DOUBLE_EQ(costs.at("aten::baddbmm").flop, 3 * 2.0 * 8 * 16 * 4);
}

TEST(OpProfile, CountsNoViews) {
  const auto x = at::ones({4, 6});
  const OpProfile profile;
  x.view({24}).unsqueeze(0).exp();
  const auto sum = total(profile.costs());
  EXPECT_EQ(sum.calls, 1);
  EXPECT_DOUBLE_EQ(sum.bytes, 2 * 4.0 * 24);
}

TEST(OpProfile, SeesNothingOfWhatCameBeforeOrAfter) {
  {
    const OpProfile profile;
    at::ones({3}).exp();
    EXPECT_EQ(profile.costs().at("aten::exp").calls, 1);
  }
  at::ones({3}).exp();
  const OpProfile profile;
  EXPECT_TRUE(profile.costs().empty());
}

// Operators, those that they call and the bookkeeping share the time: no part
// of it is counted twice.
TEST(OpProfile, SecondsAndBookkeepingFitIntoTheTime) {
  const auto a = at::rand({4, 4});
  const auto start = std::chrono::steady_clock::now();
  const OpProfile profile;
  for (int i = 0; i < 300; ++i) at::softmax(at::linear(a, a).tril(), -1);
  const std::chrono::duration<double> time =
      std::chrono::steady_clock::now() - start;
  const double operators = total(profile.costs()).seconds;
  EXPECT_GT(operators, 0.0);
  EXPECT_GT(profile.own_seconds(), 0.0);
  EXPECT_LT(operators + profile.own_seconds(), time.count());
}

TEST(OpProfile, RefusesASecondOne) {
  const OpProfile profile;
  EXPECT_THROW(OpProfile(), Error);
}

}  // namespace op_profile_test
}  // namespace shalab
