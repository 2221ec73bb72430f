#include "shalab/nn/mlp.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>

#include "shalab/error.h"
#include "shalab/nn/init.h"
#include "shalab/nn/normal_head.h"

namespace shalab {
namespace mlp_test {

TEST(Mlp, IsLinearLayersWithAnActivationBetween) {
  Mlp mlp(std::vector<std::int64_t>{2, 3, 1}, "relu");
  const auto p = mlp->parameters();
  ASSERT_EQ(p.size(), 4u);
  const at::Tensor x = at::randn({5, 2});
  const at::Tensor hidden = at::relu(at::linear(x, p[0], p[1]));
  EXPECT_TRUE(at::allclose(mlp->forward(x), at::linear(hidden, p[2], p[3])));
}

TEST(Mlp, OfOneLayerHasNoActivation) {
  EXPECT_EQ(mlp_widths(4, 9, 2, 1), (std::vector<std::int64_t>{4, 2}));
  EXPECT_EQ(mlp_widths(4, 9, 2, 3), (std::vector<std::int64_t>{4, 9, 9, 2}));
  EXPECT_THROW(mlp_widths(4, 9, 2, 0), Error);
}

// The sample variance of n normal draws deviates by sqrt(2 / n) of itself.
void expect_variance(const at::Tensor& weight, double variance) {
  const double bound = 5 * std::sqrt(2.0 / weight.numel()) * variance;
  EXPECT_NEAR(weight.square().mean().item<double>(), variance, bound);
}

TEST(Initialise, HeHasTwoOverFanIn) {
  torch::manual_seed(1);
  torch::nn::Linear linear(200, 100);
  torch::nn::Conv2d conv(torch::nn::Conv2dOptions(20, 40, 3));
  initialise(*linear, "he");
  initialise(*conv, "he");
  expect_variance(linear->weight, 2.0 / 200);
  expect_variance(conv->weight, 2.0 / (20 * 9));
  EXPECT_EQ(linear->bias.abs().sum().item<float>(), 0.0f);
}

TEST(Initialise, HeDoublesTheVarianceOfStridedTransposedConvolutions) {
  torch::manual_seed(1);
  using Options = torch::nn::ConvTranspose2dOptions;
  torch::nn::ConvTranspose2d strided(Options(40, 20, 3).stride(2));
  torch::nn::ConvTranspose2d plain(Options(40, 20, 3));
  initialise(*strided, "he");
  initialise(*plain, "he");
  expect_variance(strided->weight, 4.0 / (40 * 9));
  expect_variance(plain->weight, 2.0 / (40 * 9));
}

TEST(Initialise, DefaultLeavesWeightsAlone) {
  torch::nn::Linear linear(4, 4);
  const at::Tensor before = linear->weight.clone();
  initialise(*linear, "default");
  EXPECT_TRUE(at::equal(before, linear->weight));
}

TEST(NormalHead, ClampsTheLogVariance) {
  FieldList fields;
  declare_normal_head_fields(fields);
  NormalHead head(Settings(fields), 3, 2);
  torch::NoGradGuard no_grad;
  for (auto& parameter : head->parameters()) parameter.mul_(100);
  const Posterior q = head->forward(at::randn({50, 3}) * 100);
  EXPECT_GE(q.log_var().min().item<float>(), -12.0f);
  EXPECT_LE(q.log_var().max().item<float>(), 8.0f);
  EXPECT_EQ(q.mean().sizes(), at::IntArrayRef({50, 2}));
}

}  // namespace mlp_test
}  // namespace shalab
