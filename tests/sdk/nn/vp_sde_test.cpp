#include "shalab/nn/vp_sde.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace shalab::nn {
namespace vp_sde_test {

// d/dt ln m_t = -beta(t) / 2: a midpoint sum is exact for a linear beta.
TEST(VpSde, MeanFactorIntegratesBeta) {
  double log_m = 0.0;
  const int steps = 1000;
  for (int i = 0; i < steps; ++i) {
    log_m -= 0.5 * vp_beta((i + 0.5) / steps) / steps;
    EXPECT_NEAR(vp_log_mean_factor(double(i + 1) / steps), log_m, 1e-12);
  }
}

// At t = 1: ln m = -19.9/4 - 0.05 = -5.025, m = 0.006572, s = 0.999978.
TEST(VpSde, EndsInNoise) {
  EXPECT_EQ(vp_beta(0), 0.1);
  EXPECT_EQ(vp_beta(1), 20.0);
  EXPECT_EQ(vp_log_mean_factor(0.0), 0.0);
  EXPECT_NEAR(std::exp(vp_log_mean_factor(1.0)), 0.006572, 1e-6);
}

TEST(VpSde, OfATensorIsElementwise) {
  const at::Tensor t = at::tensor({0.25, 0.5, 1.0}, at::kDouble);
  const at::Tensor log_m = vp_log_mean_factor(t);
  for (int i = 0; i < 3; ++i) {
    EXPECT_DOUBLE_EQ(log_m[i].item<double>(),
                     vp_log_mean_factor(t[i].item<double>()));
  }
}

TEST(VpSde, ScheduleStandsOnTheSde) {
  const NoiseSchedule schedule = vp_schedule();
  for (const double t : {0.001, 0.1, 0.5, 0.9, 1.0}) {
    const NoiseLevel level = schedule.at(t);
    const double m = std::exp(vp_log_mean_factor(t));
    EXPECT_NEAR(level.alpha, m, 1e-12) << t;
    EXPECT_NEAR(level.sigma, std::sqrt(1 - m * m), 1e-9) << t;
  }
}

}  // namespace vp_sde_test
}  // namespace shalab::nn
