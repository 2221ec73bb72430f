#include "shalab/nn/latent_moments.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shalab/error.h"

namespace shalab::nn {
namespace latent_moments_test {

TEST(AggregateMoments, AddMeansAndVariances) {
  LatentSet latents;
  latents.mean = at::tensor({0.0f, 2.0f, 4.0f}).view({3, 1});
  latents.log_var = at::tensor({1.0f, 2.0f, 3.0f}).view({3, 1}).log();
  // variance of the means 8/2 = 4, mean of the variances 2
  const auto moments = aggregate_moments(latents);
  EXPECT_NEAR(moments.mean[0].item<float>(), 2.0, 1e-6);
  EXPECT_NEAR(moments.deviation[0].item<float>(), std::sqrt(6.0), 1e-5);
}

TEST(AggregateMoments, OfADiracAreThoseOfItsValues) {
  LatentSet latents;
  latents.mean = at::tensor({1.0f, 5.0f, 3.0f, 5.0f}).view({2, 2});
  const auto moments = aggregate_moments(latents);
  EXPECT_NEAR(moments.deviation[0].item<float>(), std::sqrt(2.0), 1e-6);
  EXPECT_NEAR(moments.deviation[1].item<float>(), kSmallestDeviation, 1e-9);
}

TEST(AggregateMoments, RefusesAnEmptySet) {
  LatentSet latents;
  EXPECT_THROW(aggregate_moments(latents), Error);
  latents.mean = at::zeros({0, 3});
  EXPECT_THROW(aggregate_moments(latents), Error);
}

TEST(ColumnMoments, StayFiniteForAConstantColumn) {
  const auto moments =
      column_moments(at::tensor({1.0f, 7.0f, 3.0f, 7.0f}).view({2, 2}));
  EXPECT_NEAR(moments.mean[0].item<float>(), 2.0, 1e-6);
  EXPECT_NEAR(moments.deviation[0].item<float>(), std::sqrt(2.0) + 1e-4, 1e-6);
  EXPECT_NEAR(moments.deviation[1].item<float>(), 1e-4, 1e-9);
}

}  // namespace latent_moments_test
}  // namespace shalab::nn
