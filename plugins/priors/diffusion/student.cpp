#include "student.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "solve_guided.h"

namespace shalab::diffusion {
namespace {

constexpr auto kTeacher = nn::SolverKind::unipc2;
// Of the whole way; an interval has at least kLeastSteps, since a solver of
// second order begins each with a step of first order.
constexpr std::int64_t kTeacherSteps = 16;
constexpr std::int64_t kLeastSteps = 4;

at::Tensor velocity_between(const at::Tensor& z_0, const at::Tensor& z_1,
                            const nn::NoiseLevel& now,
                            const nn::NoiseLevel& next) {
  const double reach = -next.alpha * std::expm1(now.lambda - next.lambda);
  const auto data = (z_1 - z_0 * (next.sigma / now.sigma)) / reach;
  return (z_0 * now.alpha - data) / now.sigma;
}

}  // namespace

std::vector<double> student_times(const nn::NoiseSchedule& schedule,
                                  std::int64_t steps) {
  return nn::solver_times(nn::SolverKind::ddim, schedule, nn::TimeGrid::alpha,
                          steps);
}

Lesson teach(const nn::NoiseSchedule& schedule, std::int64_t steps,
             const GuidedPrediction& teacher, const at::Tensor& noise,
             at::Generator& generator) {
  const at::NoGradGuard no_grad;
  const auto inner = std::max(kLeastSteps, kTeacherSteps / steps);
  const auto times = student_times(schedule, steps * inner);
  const ReverseProcess process{schedule, kTeacher, true};
  std::vector<at::Tensor> z, index, velocity, weight;
  at::Tensor now = noise;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto first = times.begin() + i * inner;
    const std::vector<double> interval(first, first + inner + 1);
    const auto next =
        solve_guided(process, interval, teacher, now, generator).z;
    z.push_back(now);
    index.push_back(at::full(
        {noise.size(0)}, schedule.index_of(interval.front()), noise.options()));
    velocity.push_back(velocity_between(now, next,
                                        schedule.at(interval.front()),
                                        schedule.at(interval.back())));
    weight.push_back(velocity.back().square().mean().reciprocal().expand(
        {noise.size(0), 1}));
    now = next;
  }
  return {at::cat(z), at::cat(index), at::cat(velocity), at::cat(weight)};
}

}  // namespace shalab::diffusion
