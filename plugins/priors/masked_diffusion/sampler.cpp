#include "sampler.h"

#include <ATen/ATen.h>

#include <cmath>

#include "shalab/nn/vp_sde.h"

namespace shalab::masked_diffusion {
namespace {

// Levels k = 0..N stand for the times k / N.
class ReverseSde {
 public:
  ReverseSde(std::int64_t steps, const NoisePrediction& noise_of,
             at::Generator& generator)
      : dt_(1.0 / double(steps)), noise_of_(noise_of), generator_(generator) {}

  at::Tensor down(const at::Tensor& y, std::int64_t level) const {
    const double t = double(level) * dt_;
    const double sigma = std::sqrt(-std::expm1(2 * nn::vp_log_mean_factor(t)));
    const double rate = nn::vp_beta(t) * dt_;
    const auto next = y * (1 + rate / 2) - noise_of_(y, t) * (rate / sigma);
    return level > 1 ? next + noise_like(y) * std::sqrt(rate) : next;
  }

  at::Tensor up(const at::Tensor& y, std::int64_t level) const {
    const double t = double(level) * dt_;
    const double log_a =
        nn::vp_log_mean_factor(t + dt_) - nn::vp_log_mean_factor(t);
    return y * std::exp(log_a) +
           noise_like(y) * std::sqrt(-std::expm1(2 * log_a));
  }

 private:
  at::Tensor noise_like(const at::Tensor& y) const {
    return at::randn(y.sizes(), generator_, y.options());
  }

  double dt_;
  const NoisePrediction& noise_of_;
  at::Generator& generator_;
};

nn::Solution walk(const std::vector<std::int64_t>& levels, at::Tensor y,
                  const ReverseSde& sde) {
  nn::Solution solution;
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    const bool is_down = levels[i + 1] < levels[i];
    y = is_down ? sde.down(y, levels[i]) : sde.up(y, levels[i]);
    solution.evaluations += is_down ? 1 : 0;
  }
  solution.z = y;
  return solution;
}

nn::Solution solve(const SamplingOptions& options, const at::Tensor& y,
                   const NoisePrediction& noise_of, const DataRange& range,
                   at::Generator& generator) {
  const auto kind = nn::solver_named(options.sampler);
  const auto schedule = nn::vp_schedule();
  const auto data = [&](const at::Tensor& y_t, double t) {
    return nn::data_from_noise(y_t, noise_of(y_t, t), schedule.at(t))
        .clamp(range.lowest, range.highest);
  };
  return nn::solve(
      kind, schedule,
      nn::solver_times(kind, schedule, options.grid, options.steps), y, data,
      generator);
}

}  // namespace

std::vector<std::int64_t> repaint_walk(std::int64_t steps,
                                       std::int64_t jump_length,
                                       std::int64_t resamplings) {
  std::vector<std::int64_t> jumps_left(steps, 0);
  for (std::int64_t k = 0; k < steps - jump_length; k += jump_length) {
    jumps_left[k] = resamplings - 1;
  }
  std::vector<std::int64_t> levels{steps};
  for (std::int64_t k = steps - 1; k >= 0; --k) {
    levels.push_back(k);
    if (jumps_left[k] == 0) continue;
    --jumps_left[k];
    for (std::int64_t i = 0; i < jump_length; ++i) levels.push_back(++k);
  }
  return levels;
}

std::string describe(const SamplingOptions& options) {
  std::string text =
      options.sampler + " steps=" + std::to_string(options.steps);
  if (options.sampler == "repaint") {
    return text + " jump_length=" + std::to_string(options.jump_length) +
           " resamplings=" + std::to_string(options.resamplings);
  }
  if (options.sampler == "euler" || options.sampler == "ddpm") return text;
  return text + " grid=" + nn::to_string(options.grid);
}

nn::Solution sample(const SamplingOptions& options, const at::Tensor& y,
                    const NoisePrediction& noise_of, const DataRange& range,
                    at::Generator& generator) {
  const bool is_repaint = options.sampler == "repaint";
  if (!is_repaint && options.sampler != "euler") {
    return solve(options, y, noise_of, range, generator);
  }
  const auto levels = repaint_walk(options.steps, options.jump_length,
                                   is_repaint ? options.resamplings : 1);
  return walk(levels, y, ReverseSde(options.steps, noise_of, generator));
}

}  // namespace shalab::masked_diffusion
