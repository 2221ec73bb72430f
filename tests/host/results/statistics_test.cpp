#include "results/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "shalab/error.h"

namespace shalab {
namespace statistics_test {

// 1, 2, 6: mean 3, squares 4 + 1 + 9 = 14, variance 7, error sqrt(7/3).
TEST(Statistics, MeanAndStandardErrorByHand) {
  const Summary summary = summarise({1.0, 2.0, 6.0});
  EXPECT_EQ(summary.n, 3);
  EXPECT_DOUBLE_EQ(summary.mean, 3.0);
  EXPECT_DOUBLE_EQ(summary.standard_error.value(), std::sqrt(7.0 / 3.0));
}

TEST(Statistics, OneValueHasNoError) {
  EXPECT_FALSE(summarise({5.0}).standard_error);
  EXPECT_EQ(summarise({}).n, 0);
}

TEST(Statistics, PairsAreSubtractedFirst) {
  const Summary summary = summarise_paired({1.0, 10.0}, {2.0, 11.0});
  EXPECT_DOUBLE_EQ(summary.mean, 1.0);
  EXPECT_DOUBLE_EQ(summary.standard_error.value(), 0.0);
  EXPECT_THROW(summarise_paired({1.0}, {}), Error);
}

}  // namespace statistics_test
}  // namespace shalab
