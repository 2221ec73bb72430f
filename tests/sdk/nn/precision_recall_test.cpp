#include "shalab/nn/precision_recall.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {
namespace precision_recall_test {

constexpr int kClusters = 20;

// As in tools/oracles/precision_recall.py: counts[k] rows close to centre k;
// [N, 3].
at::Tensor rows_of(const std::vector<int>& counts) {
  std::vector<double> values;
  for (int k = 0; k < static_cast<int>(counts.size()); ++k) {
    const double centre[] = {10 * std::sin(k + 1.0),
                             10 * std::sin(2.0 * k + 1 + std::numbers::pi / 2),
                             10 * std::sin(3.0 * k)};
    for (int i = 0; i < counts[static_cast<std::size_t>(k)]; ++i) {
      for (const double c : centre) {
        values.push_back(c + 0.001 * std::sin(7.0 * i + k));
      }
    }
  }
  return at::tensor(values, at::kDouble).view({-1, 3});
}

int sum(const std::vector<int>& counts) {
  return std::accumulate(counts.begin(), counts.end(), 0);
}

std::vector<int> real_counts() {
  std::vector<int> counts;
  for (int k = 0; k < kClusters; ++k) counts.push_back(1 + 3 * k % 7);
  return counts;
}

std::vector<int> generated_counts() {
  std::vector<int> counts;
  for (int k = 0; k < kClusters; ++k) counts.push_back(5 * k % 7);
  counts.back() += sum(real_counts()) - sum(counts);
  return counts;
}

PrecisionRecall measured(const at::Tensor& real, const at::Tensor& generated,
                         const PrecisionRecallOptions& options = {},
                         std::uint64_t seed = 0) {
  at::Generator generator = make_generator(seed, "test");
  return precision_recall(real, generated, options, generator);
}

at::Tensor vector(std::vector<double> values) {
  return at::tensor(values, at::kDouble);
}

// tools/oracles/precision_recall.py, as are the numbers below.
TEST(PrdCurve, IsThatOfItsFormula) {
  const PrdCurve curve =
      prd_curve(vector({0.5, 0.3, 0.2, 0.0}), vector({0.1, 0.3, 0.1, 0.5}));
  ASSERT_EQ(curve.precision.size(0), 1001);
  EXPECT_NEAR(curve.precision[250].item<double>(), 0.307106781215837, 1e-12);
  EXPECT_NEAR(curve.recall[250].item<double>(), 0.741421356203167, 1e-12);
  EXPECT_NEAR(curve.recall[900].item<double>(), 0.079192220203272, 1e-12);
  EXPECT_NEAR(curve.recall[0].item<double>(), 1.0, 1e-12);
  EXPECT_NEAR(largest_f_beta(curve, 1.0 / 8), 0.5, 1e-12);
  EXPECT_NEAR(largest_f_beta(curve, 8), 0.941655878382367, 1e-12);
  EXPECT_NEAR(largest_f_beta(curve, 1), 0.5, 1e-12);
}

TEST(PrdCurve, OfHistogramsWithoutOverlapIsZero) {
  const PrdCurve curve = prd_curve(vector({1, 0}), vector({0, 1}));
  EXPECT_DOUBLE_EQ(largest_f_beta(curve, 8), 0.0);
  EXPECT_DOUBLE_EQ(largest_f_beta(curve, 1.0 / 8), 0.0);
  EXPECT_THROW(prd_curve(vector({1, 0}), vector({1})), Error);
}

TEST(KMeans, FindsClustersThatLieApart) {
  at::Generator generator = make_generator(0, "test");
  const at::Tensor labels =
      k_means(rows_of(real_counts()), kClusters, generator);
  std::vector<bool> taken(kClusters, false);
  std::int64_t row = 0;
  for (const int count : real_counts()) {
    const auto label = labels[row].item<std::int64_t>();
    EXPECT_FALSE(taken[static_cast<std::size_t>(label)]);
    taken[static_cast<std::size_t>(label)] = true;
    EXPECT_TRUE(labels.slice(0, row, row + count).eq(label).all().item<bool>());
    row += count;
  }
}

TEST(KMeans, OfFewDifferentRowsHasFewerClusters) {
  at::Generator generator = make_generator(0, "test");
  const at::Tensor rows = at::cat({at::zeros({5, 2}), at::ones({4, 2})});
  const at::Tensor labels = k_means(rows, 20, generator);
  EXPECT_TRUE(labels.slice(0, 0, 5).eq(labels[0]).all().item<bool>());
  EXPECT_TRUE(labels.slice(0, 5).eq(labels[5]).all().item<bool>());
  EXPECT_NE(labels[0].item<std::int64_t>(), labels[5].item<std::int64_t>());
}

TEST(PrecisionRecall, EqualsTheFormulaOnScikitLearnsClusters) {
  const PrecisionRecall found =
      measured(rows_of(real_counts()), rows_of(generated_counts()));
  EXPECT_NEAR(found.precision, 0.866103553505952, 1e-9);
  EXPECT_NEAR(found.recall, 0.933248001988045, 1e-9);
}

TEST(PrecisionRecall, OfEqualSidesIsOne) {
  const at::Tensor x = rows_of(real_counts());
  const PrecisionRecall found = measured(x, x);
  EXPECT_NEAR(found.precision, 1.0, 1e-9);
  EXPECT_NEAR(found.recall, 1.0, 1e-9);
}

// p = (1/2, 1/2), q = (1, 0): precision min(l / 2, 1), recall min(1/2, 1/l);
// best at l = 2: (1 + b^2) / 2 / (b^2 + 1/2). The nearest angle is within
// pi / 2000, so precision within 0.5 %.
TEST(PrecisionRecall, TellsMissingModesFromUnrealSamples) {
  const at::Tensor one = rows_of({40}), two = rows_of({20, 20});
  const PrecisionRecall missing = measured(two, one, {2, 3});
  EXPECT_NEAR(missing.precision, 65.0 / 128 / (1.0 / 64 + 0.5), 5e-3);
  EXPECT_NEAR(missing.recall, 65.0 / 2 / 64.5, 5e-3);
  const PrecisionRecall unreal = measured(one, two, {2, 3});
  EXPECT_NEAR(unreal.precision, missing.recall, 5e-3);
  EXPECT_NEAR(unreal.recall, missing.precision, 5e-3);
}

TEST(PrecisionRecall, TakesSidesOfDifferentSizes) {
  const at::Tensor two = rows_of({300, 300});
  const PrecisionRecall found = measured(two, rows_of({20, 20}), {2, 1});
  EXPECT_GT(found.precision, 0.9);
  EXPECT_GT(found.recall, 0.9);
}

TEST(PrecisionRecall, IsThatOfItsSeed) {
  const at::Tensor x = at::sin(at::arange(400, at::kDouble)).view({100, 4});
  const at::Tensor y = at::cos(at::arange(400, at::kDouble)).view({100, 4});
  const PrecisionRecall first = measured(x, y);
  EXPECT_DOUBLE_EQ(measured(x, y).precision, first.precision);
  EXPECT_NE(measured(x, y, {}, 1).precision, first.precision);
}

TEST(PrecisionRecall, RefusesLessThanTwoSamples) {
  const at::Tensor many = rows_of({3, 3});
  EXPECT_THROW(measured(many, rows_of({1})), Error);
  EXPECT_THROW(measured(many.slice(0, 0, 0), many), Error);
  EXPECT_THROW(measured(many, many.slice(1, 0, 2)), Error);
}

}  // namespace precision_recall_test
}  // namespace shalab
