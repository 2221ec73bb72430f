#include "shalab/nn/noise_schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "shalab/error.h"

namespace shalab::nn {
namespace noise_schedule_test {

TEST(NoiseSchedule, LinearStartsAndEndsAsPublished) {
  const auto schedule = NoiseSchedule::linear();
  EXPECT_EQ(schedule.size(), 1000);
  EXPECT_NEAR(schedule.abar(0), 1.0 - 1e-4, 1e-12);
  // the second beta is 1e-4 + .0199/999
  EXPECT_NEAR(schedule.abar(1), 0.9999 * (1.0 - 1e-4 - 0.0199 / 999), 1e-12);
  EXPECT_NEAR(schedule.abar(999), 4.0358e-5, 1e-9);
}

TEST(NoiseSchedule, LevelsOfAKnownChain) {
  // beta = .36, .5: abar = .64, .32
  const NoiseSchedule schedule({0.36, 0.5});
  const auto first = schedule.at(0.5);  // t = 1/T
  EXPECT_NEAR(first.alpha, 0.8, 1e-12);
  EXPECT_NEAR(first.sigma, 0.6, 1e-12);
  EXPECT_NEAR(first.lambda, std::log(0.8 / 0.6), 1e-12);
  // half way ln alpha is the mean: alpha = sqrt(.8 sqrt(.32))
  EXPECT_NEAR(schedule.at(0.75).alpha, std::sqrt(0.8 * std::sqrt(0.32)), 1e-12);
  EXPECT_NEAR(schedule.at(0.1).alpha, 0.8, 1e-12);  // below 1/T: as 1/T
  EXPECT_NEAR(schedule.at(1.0).alpha, std::sqrt(0.32), 1e-12);
}

TEST(NoiseSchedule, TimeOfInvertsLambda) {
  for (const auto& schedule :
       {NoiseSchedule::linear(), NoiseSchedule::cosine()}) {
    for (const double t : {0.001, 0.0305, 0.5, 0.91}) {
      EXPECT_NEAR(schedule.time_of(schedule.at(t).lambda), t, 1e-9);
    }
  }
}

TEST(NoiseSchedule, CosineFollowsItsFormula) {
  const auto schedule = NoiseSchedule::cosine();
  const auto f = [](double t) {
    return std::pow(std::cos((t + 0.008) / 1.008 * M_PI / 2), 2);
  };
  EXPECT_NEAR(schedule.abar(499), f(0.5) / f(0.0), 1e-12);
  EXPECT_NEAR(schedule.at(schedule.start()).lambda, -4.78, 0.01);
  EXPECT_EQ(NoiseSchedule::linear().start(), 1.0);
}

TEST(NoiseSchedule, RespacedIndicesKeepBothEnds) {
  const auto schedule = NoiseSchedule::linear();
  const auto indices = schedule.respaced(250);
  ASSERT_EQ(indices.size(), 250U);
  EXPECT_EQ(indices.front(), 0);
  EXPECT_EQ(indices[1], 4);  // round(999/249 = 4.012)
  EXPECT_EQ(indices.back(), 999);
  EXPECT_EQ(schedule.respaced(1), (std::vector<std::int64_t>{999}));
  EXPECT_THROW(schedule.respaced(0), Error);
  EXPECT_THROW(schedule.respaced(1001), Error);
}

TEST(NoiseSchedule, RespacedBetasReproduceTheCumulativeProducts) {
  const auto schedule = NoiseSchedule::linear();
  for (const std::int64_t n : {2, 10, 250, 1000}) {
    const auto indices = schedule.respaced(n);
    double product = 1.0;
    std::size_t i = 0;
    for (const double beta : schedule.respaced_betas(indices)) {
      product *= 1.0 - beta;
      EXPECT_NEAR(product / schedule.abar(indices[i++]), 1.0, 1e-10);
    }
  }
}

TEST(NoiseSchedule, RefusesUnknownNamesAndBetas) {
  EXPECT_EQ(NoiseSchedule::named("cosine").start(), 0.9946);
  try {
    NoiseSchedule::named("sigmoid");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("sigmoid"), std::string::npos);
  }
  EXPECT_THROW(NoiseSchedule({}), Error);
  EXPECT_THROW(NoiseSchedule({0.1, 1.0}), Error);
}

}  // namespace noise_schedule_test
}  // namespace shalab::nn
