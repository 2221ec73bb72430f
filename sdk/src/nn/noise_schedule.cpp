#include "shalab/nn/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "shalab/error.h"

namespace shalab::nn {
namespace {

constexpr double kFirstBeta = 1e-4;
constexpr double kLastBeta = 0.02;
constexpr double kCosineOffset = 0.008;
constexpr double kCosineLargestBeta = 0.999;
constexpr double kCosineStart = 0.9946;

double squared_cosine(double t) {
  const double c = std::cos((t + kCosineOffset) / (1.0 + kCosineOffset) *
                            std::numbers::pi / 2.0);
  return c * c;
}

}  // namespace

NoiseSchedule NoiseSchedule::linear() {
  std::vector<double> betas(kSteps);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    betas[i] =
        kFirstBeta + (kLastBeta - kFirstBeta) * double(i) / double(kSteps - 1);
  }
  return NoiseSchedule(betas);
}

NoiseSchedule NoiseSchedule::cosine() {
  std::vector<double> betas(kSteps);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    const double ratio = squared_cosine(double(i + 1) / kSteps) /
                         squared_cosine(double(i) / kSteps);
    betas[i] = std::min(1.0 - ratio, kCosineLargestBeta);
  }
  return NoiseSchedule(betas, kCosineStart);
}

NoiseSchedule NoiseSchedule::named(const std::string& name) {
  if (name == "linear") return linear();
  if (name == "cosine") return cosine();
  throw Error(ErrorKind::usage, "no noise schedule is called '" + name + "'",
              "use linear or cosine");
}

NoiseSchedule::NoiseSchedule(const std::vector<double>& betas, double start)
    : start_(start) {
  SHALAB_CHECK(!betas.empty(), "a noise schedule needs at least one step");
  SHALAB_CHECK(start > 0.0 && start <= 1.0, "start is a time in (0, 1]");
  double log_abar = 0.0;
  for (const double beta : betas) {
    SHALAB_CHECK(beta > 0.0 && beta < 1.0,
                 "beta must lie in (0, 1), got " + std::to_string(beta));
    log_abar += std::log1p(-beta);
    log_alpha_.push_back(0.5 * log_abar);
  }
}

std::int64_t NoiseSchedule::size() const {
  return static_cast<std::int64_t>(log_alpha_.size());
}

double NoiseSchedule::abar(std::int64_t index) const {
  SHALAB_CHECK(index >= 0 && index < size(),
               "no step " + std::to_string(index));
  return std::exp(2.0 * log_alpha_[index]);
}

NoiseLevel NoiseSchedule::at(double t) const {
  const double last = double(size() - 1);
  const double position = std::clamp(index_of(t), 0.0, last);
  const auto below = static_cast<std::size_t>(position);
  const auto above = std::min(below + 1, log_alpha_.size() - 1);
  const double log_alpha =
      std::lerp(log_alpha_[below], log_alpha_[above], position - double(below));
  const double sigma = std::sqrt(-std::expm1(2.0 * log_alpha));
  return {std::exp(log_alpha), sigma, log_alpha - std::log(sigma)};
}

double NoiseSchedule::time_of(double lambda) const {
  constexpr int kHalvings = 60;
  double low = end(), high = 1.0;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = 0.5 * (low + high);
    (at(middle).lambda > lambda ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

std::vector<std::int64_t> NoiseSchedule::respaced(std::int64_t n) const {
  SHALAB_CHECK(n >= 1 && n <= size(),
               std::to_string(n) + " of " + std::to_string(size()) + " steps");
  if (n == 1) return {size() - 1};
  std::vector<std::int64_t> indices(n);
  for (std::int64_t k = 0; k < n; ++k) {
    indices[k] = static_cast<std::int64_t>(
        std::nearbyint(double(k) * double(size() - 1) / double(n - 1)));
  }
  return indices;
}

std::vector<double> NoiseSchedule::respaced_betas(
    const std::vector<std::int64_t>& indices) const {
  std::vector<double> betas;
  double previous = 1.0;
  for (const std::int64_t index : indices) {
    const double current = abar(index);
    betas.push_back(1.0 - current / previous);
    previous = current;
  }
  return betas;
}

}  // namespace shalab::nn
