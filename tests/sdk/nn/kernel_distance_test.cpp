#include "shalab/nn/kernel_distance.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {
namespace kernel_distance_test {

// Feature (n, f) as in tools/oracles/kernel_distance.py; [N, F].
at::Tensor features(std::int64_t count, std::int64_t size, double scale,
                    double phase, double shift) {
  const auto n = at::arange(count, at::kDouble).unsqueeze(1);
  const auto f = at::arange(size, at::kDouble).unsqueeze(0);
  return scale * at::sin(0.7 * (n + 1) * (f + 1) + 0.3 * f * f + phase) + shift;
}

at::Tensor real_features(std::int64_t count, std::int64_t size) {
  return features(count, size, 1.0, 0.0, 0.0);
}

at::Tensor generated_features(std::int64_t count, std::int64_t size) {
  return features(count, size, 0.8, 1.1, 0.25);
}

KernelDistance distance(const at::Tensor& real, const at::Tensor& generated,
                        const KernelDistanceOptions& options,
                        std::uint64_t seed = 0) {
  at::Generator generator = make_generator(seed, "test");
  return kernel_distance(real, generated, options, generator);
}

at::Tensor column(std::vector<double> values) {
  return at::tensor(values, at::kDouble).unsqueeze(1);
}

// F = 1. Within {0, 1}: 2 (0 + 1)^3 = 2; within {1, 2}: 2 (2 + 1)^3 = 54;
// between: 1 + 1 + 8 + 27 = 37. (2 + 54) / 2 - 2 * 37 / 4 = 9.5.
TEST(SquaredMmd, IsThatWorkedByHand) {
  EXPECT_NEAR(squared_mmd(column({0, 1}), column({1, 2})), 9.5, 1e-12);
  EXPECT_NEAR(squared_mmd(column({1, 2}), column({0, 1})), 9.5, 1e-12);
}

// torchmetrics 1.9.0, tools/oracles/kernel_distance.py.
TEST(SquaredMmd, EqualsTorchmetrics) {
  EXPECT_NEAR(squared_mmd(real_features(64, 5), generated_features(64, 5)),
              0.171743530470698, 1e-12);
  EXPECT_NEAR(squared_mmd(real_features(150, 24), generated_features(150, 24)),
              0.191571225931863, 1e-12);
  EXPECT_NEAR(squared_mmd(real_features(10, 40), generated_features(10, 40)),
              0.093484058037645, 1e-12);
}

TEST(SquaredMmd, RefusesSetsOfDifferentSizes) {
  EXPECT_THROW(squared_mmd(column({0, 1}), column({0, 1, 2})), Error);
  EXPECT_THROW(squared_mmd(column({0}), column({1})), Error);
}

TEST(KernelDistance, OfAllSamplesIsOneSubset) {
  const at::Tensor x = real_features(30, 4), y = generated_features(30, 4);
  const KernelDistance found = distance(x, y, {100, 1000});
  EXPECT_EQ(found.subset_size, 30);
  EXPECT_DOUBLE_EQ(found.value, squared_mmd(x, y));
  EXPECT_DOUBLE_EQ(found.deviation, 0.0);
  EXPECT_DOUBLE_EQ(found.standard_error, 0.0);
}

// The expectation over subsets is the number of the whole: within five standard
// errors of 2,000 draws.
TEST(KernelDistance, OverSubsetsAveragesToTheWhole) {
  const at::Tensor x = real_features(40, 3), y = generated_features(40, 3);
  const KernelDistance found = distance(x, y, {2000, 8});
  EXPECT_GT(found.deviation, 0.0);
  EXPECT_NEAR(found.value, squared_mmd(x, y),
              5 * found.deviation / std::sqrt(2000.0));
  EXPECT_NEAR(found.standard_error, found.deviation * std::sqrt(8.0 / 32.0),
              1e-15);
}

TEST(KernelDistance, TakesSidesOfDifferentSizes) {
  const at::Tensor x = real_features(50, 3), y = generated_features(20, 3);
  const KernelDistance found = distance(x, y, {10, 1000});
  EXPECT_EQ(found.subset_size, 20);
  EXPECT_GT(found.deviation, 0.0);
  EXPECT_DOUBLE_EQ(found.standard_error, 0.0);
}

TEST(KernelDistance, IsThatOfItsSeed) {
  const at::Tensor x = real_features(40, 3), y = generated_features(40, 3);
  const KernelDistance first = distance(x, y, {10, 8});
  EXPECT_DOUBLE_EQ(distance(x, y, {10, 8}).value, first.value);
  EXPECT_NE(distance(x, y, {10, 8}, 1).value, first.value);
}

TEST(KernelDistance, RefusesLessThanTwoSamples) {
  for (const std::int64_t size : {0, 1}) {
    EXPECT_THROW(distance(real_features(size, 3), real_features(9, 3), {}),
                 Error);
    EXPECT_THROW(distance(real_features(9, 3), real_features(size, 3), {}),
                 Error);
  }
  EXPECT_THROW(distance(real_features(9, 3), real_features(9, 4), {}), Error);
}

}  // namespace kernel_distance_test
}  // namespace shalab
