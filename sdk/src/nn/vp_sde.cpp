#include "shalab/nn/vp_sde.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

namespace shalab::nn {
namespace {

constexpr double kBetaAtZero = 0.1;
constexpr double kBetaAtOne = 20.0;

}  // namespace

double vp_beta(double t) { return std::lerp(kBetaAtZero, kBetaAtOne, t); }

double vp_log_mean_factor(double t) {
  return -t * t * (kBetaAtOne - kBetaAtZero) / 4 - t * kBetaAtZero / 2;
}

at::Tensor vp_log_mean_factor(const at::Tensor& t) {
  return t.square() * (-(kBetaAtOne - kBetaAtZero) / 4) - t * (kBetaAtZero / 2);
}

NoiseSchedule vp_schedule() {
  constexpr auto kSteps = NoiseSchedule::kSteps;
  std::vector<double> betas;
  for (std::int64_t i = 0; i < kSteps; ++i) {
    const double now = double(i) / double(kSteps);
    const double next = double(i + 1) / double(kSteps);
    betas.push_back(
        -std::expm1(2 * (vp_log_mean_factor(next) - vp_log_mean_factor(now))));
  }
  return NoiseSchedule(betas);
}

}  // namespace shalab::nn
