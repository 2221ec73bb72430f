#include "shalab/nn/statistics.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "shalab/error.h"

namespace shalab {
namespace statistics_test {

at::Tensor table(std::vector<double> values, std::int64_t columns) {
  return at::tensor(values, at::kDouble).view({-1, columns});
}

// Feature (n, f) as in tools/oracles/frechet.py; [N, F].
at::Tensor features(std::int64_t count, std::int64_t size, double scale,
                    double phase, double shift) {
  const auto n = at::arange(count, at::kDouble).unsqueeze(1);
  const auto f = at::arange(size, at::kDouble).unsqueeze(0);
  return scale * at::sin(0.7 * (n + 1) * (f + 1) + 0.3 * f * f + phase) + shift;
}

FeatureMoments moments_of(const at::Tensor& x) {
  FeatureMoments result;
  result.add(x);
  return result;
}

// Rows (0, 0), (2, 0), (1, 3): mean (1, 1), deviations (-1, -1), (1, -1),
// (0, 2): scatter [[2, 0], [0, 6]], divided by 2.
TEST(FeatureMoments, AreThoseWorkedByHand) {
  const FeatureMoments moments = moments_of(table({0, 0, 2, 0, 1, 3}, 2));
  EXPECT_EQ(moments.count(), 3);
  EXPECT_TRUE(at::allclose(moments.mean(), at::ones({2}, at::kDouble)));
  EXPECT_TRUE(at::allclose(moments.covariance(), table({1, 0, 0, 3}, 2)));
}

TEST(FeatureMoments, DoNotDependOnTheCutOrOrderOfBatches) {
  const at::Tensor x = features(50, 4, 1.0, 0.0, 100.0);
  const FeatureMoments whole = moments_of(x);
  FeatureMoments parts;
  parts.add(x.slice(0, 30));
  parts.add(x.slice(0, 0, 1));
  parts.add(x.slice(0, 0, 0));
  parts.add(x.slice(0, 1, 30));
  EXPECT_EQ(parts.count(), 50);
  EXPECT_TRUE(at::allclose(parts.mean(), whole.mean(), 1e-14));
  EXPECT_TRUE(at::allclose(parts.covariance(), whole.covariance(), 1e-12));
}

TEST(FeatureMoments, MergeAsIfAddedTogether) {
  const at::Tensor x = features(40, 3, 1.0, 0.0, 0.0);
  FeatureMoments left = moments_of(x.slice(0, 0, 7));
  left.merge(moments_of(x.slice(0, 7)));
  left.merge(FeatureMoments());
  EXPECT_EQ(left.count(), 40);
  EXPECT_TRUE(
      at::allclose(left.covariance(), moments_of(x).covariance(), 1e-12));
}

TEST(FeatureMoments, KeepSinglePrecisionFeaturesFarFromZeroExact) {
  const at::Tensor x = at::tensor({4096.0F, 4097.0F, 4098.0F}).unsqueeze(1);
  EXPECT_DOUBLE_EQ(moments_of(x).covariance().item<double>(), 1.0);
}

TEST(FeatureMoments, RefuseAnotherNumberOfColumns) {
  FeatureMoments moments = moments_of(at::zeros({2, 3}));
  EXPECT_THROW(moments.add(at::zeros({2, 4})), Error);
  EXPECT_THROW(moments.merge(moments_of(at::zeros({2, 2}))), Error);
  EXPECT_THROW(moments.add(at::zeros({3})), Error);
}

TEST(FeatureMoments, OfNothingHaveNoMeanAndOfOneNoCovariance) {
  EXPECT_THROW(FeatureMoments().mean(), Error);
  EXPECT_THROW(moments_of(at::zeros({1, 2})).covariance(), Error);
}

// Column 0: 1, 1, 1, 0: mean .75, variance .25, standard error .25.
// Column 1 counts 2 and 4: mean 3, variance 2, standard error 1.
TEST(ColumnMeans, AreThoseWorkedByHand) {
  ColumnMeans means;
  means.add(table({1, 2, 1, 9}, 2), table({1, 1, 1, 0}, 2));
  means.add(table({1, 9, 0, 4}, 2), table({1, 0, 1, 1}, 2));
  const auto estimates = means.estimates();
  ASSERT_EQ(estimates.size(), 2U);
  EXPECT_DOUBLE_EQ(estimates[0].value, 0.75);
  EXPECT_DOUBLE_EQ(estimates[0].standard_error, 0.25);
  EXPECT_EQ(estimates[0].count, 4);
  EXPECT_DOUBLE_EQ(estimates[1].value, 3.0);
  EXPECT_DOUBLE_EQ(estimates[1].standard_error, 1.0);
  EXPECT_EQ(estimates[1].count, 2);
}

TEST(ColumnMeans, HaveNoErrorWhereFewerThanTwoCount) {
  ColumnMeans means;
  EXPECT_TRUE(means.empty());
  EXPECT_THROW(means.estimates(), Error);
  means.add(table({5, 7}, 2), table({1, 0}, 2));
  const auto estimates = means.estimates();
  EXPECT_DOUBLE_EQ(estimates[0].value, 5.0);
  EXPECT_DOUBLE_EQ(estimates[0].standard_error, 0.0);
  EXPECT_EQ(estimates[1].count, 0);
  EXPECT_DOUBLE_EQ(estimates[1].value, 0.0);
}

TEST(RowMeans, AverageWhatCounts) {
  const at::Tensor means =
      row_means(table({1, 3, 1, 3, 1, 3}, 2), table({1, 1, 0, 1, 0, 0}, 2));
  EXPECT_TRUE(at::equal(means, table({2, 3, 0}, 1)));
}

// N(0, 1) against N(3, 4): 9 + 1 + 4 - 2 sqrt(4) = 10. Samples -1, 0, 1 and
// 1, 3, 5 have just these moments.
TEST(FrechetDistance, OfTwoLinesIsWorkedByHand) {
  EXPECT_NEAR(frechet_distance(moments_of(table({-1, 0, 1}, 1)),
                               moments_of(table({1, 3, 5}, 1))),
              10.0, 1e-12);
}

TEST(FrechetDistance, OfASetToItselfIsZero) {
  const FeatureMoments x = moments_of(features(200, 24, 1.0, 0.0, 0.0));
  EXPECT_NEAR(frechet_distance(x, x), 0.0, 1e-12);
  const FeatureMoments few = moments_of(features(10, 40, 1.0, 0.0, 0.0));
  EXPECT_NEAR(frechet_distance(few, few), 0.0, 1e-12);
}

TEST(FrechetDistance, OfConstantFeaturesIsTheSquaredShift) {
  EXPECT_NEAR(frechet_distance(moments_of(at::zeros({5, 3})),
                               moments_of(at::full({4, 3}, 2.0))),
              12.0, 1e-12);
}

// SciPy 1.17.1, numpy 2.4.6, tools/oracles/frechet.py. In the last row, N < F,
// `sqrtm` has the square roots of rounded zeros in it.
struct Golden {
  std::int64_t real, generated, size;
  double sqrtm, nuclear_norm;
};

class FrechetGolden : public testing::TestWithParam<Golden> {};

TEST_P(FrechetGolden, EqualsSciPy) {
  const Golden& g = GetParam();
  const auto real = moments_of(features(g.real, g.size, 1.0, 0.0, 0.0));
  const auto other = moments_of(features(g.generated, g.size, 0.8, 1.1, 0.25));
  const double distance = frechet_distance(real, other);
  EXPECT_NEAR(distance, g.sqrtm, 1e-6 * g.sqrtm);
  EXPECT_NEAR(distance, g.nuclear_norm, 1e-10 * g.nuclear_norm);
  EXPECT_NEAR(frechet_distance(other, real), distance, 1e-10 * distance);
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, FrechetGolden,
    testing::Values(Golden{64, 64, 5, 0.464658529376, 0.464658529376},
                    Golden{200, 150, 24, 3.153604904431, 3.153604904431},
                    Golden{10, 12, 40, 21.196970887109, 21.196971297331}));

TEST(FrechetDistance, RefusesOneSample) {
  const auto two = moments_of(at::zeros({2, 2}));
  try {
    frechet_distance(two, moments_of(at::zeros({1, 2})));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::run);
    EXPECT_NE(error.message().find("1 generated"), std::string::npos);
  }
}

TEST(FrechetDistance, RefusesAFeatureThatIsNotFinite) {
  const auto good = moments_of(at::zeros({3, 2}));
  const auto bad =
      moments_of(at::full({3, 2}, std::numeric_limits<float>::quiet_NaN()));
  EXPECT_THROW(frechet_distance(good, bad), Error);
  EXPECT_THROW(frechet_distance(bad, good), Error);
}

TEST(FrechetDistance, RefusesFeaturesOfOtherSizes) {
  EXPECT_THROW(frechet_distance(moments_of(at::zeros({3, 2})),
                                moments_of(at::zeros({3, 4}))),
               Error);
}

}  // namespace statistics_test
}  // namespace shalab
