#include "shalab/nn/solvers.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "shalab/error.h"

namespace shalab::nn {
namespace {

constexpr std::size_t kFirstOrderEndBelow = 15;

struct Named {
  const char* name;
  int value;
};

constexpr Named kSolvers[] = {{"unipc2", int(SolverKind::unipc2)},
                              {"dpmpp2m", int(SolverKind::dpmpp2m)},
                              {"sde_dpmpp2m", int(SolverKind::sde_dpmpp2m)},
                              {"ddim", int(SolverKind::ddim)},
                              {"heun", int(SolverKind::heun)},
                              {"ddpm", int(SolverKind::ddpm)}};
constexpr Named kGrids[] = {{"uniform", int(TimeGrid::uniform)},
                            {"quadratic", int(TimeGrid::quadratic)},
                            {"lambda", int(TimeGrid::lambda)},
                            {"alpha", int(TimeGrid::alpha)}};

template <std::size_t N>
int value_of(const Named (&table)[N], const std::string& name,
             const std::string& what) {
  std::string known;
  for (const auto& entry : table) {
    if (name == entry.name) return entry.value;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw Error(ErrorKind::usage, "no " + what + " is called '" + name + "'",
              "use one of " + known);
}

template <std::size_t N>
std::string name_of(const Named (&table)[N], int value) {
  for (const auto& entry : table) {
    if (value == entry.value) return entry.name;
  }
  check_failed(__FILE__, __LINE__, "known value", std::to_string(value));
}

// One step of a grid: a and s of its end, the ratio of the sigmas and h.
struct Step {
  double alpha;
  double sigma;
  double ratio;
  double h;
};

class Walk {
 public:
  Walk(const NoiseSchedule& schedule, const std::vector<double>& times) {
    for (const double t : times) levels_.push_back(schedule.at(t));
  }
  std::size_t steps() const { return levels_.empty() ? 0 : levels_.size() - 1; }
  Step step(std::size_t i) const {
    const auto &now = levels_[i], &next = levels_[i + 1];
    return {next.alpha, next.sigma, next.sigma / now.sigma,
            next.lambda - now.lambda};
  }

 private:
  std::vector<NoiseLevel> levels_;
};

at::Tensor first_order(const at::Tensor& z, const at::Tensor& data,
                       const Step& step) {
  return z * step.ratio - data * (step.alpha * std::expm1(-step.h));
}

at::Tensor first_order_sde(const at::Tensor& z, const at::Tensor& data,
                           const Step& step, at::Generator& generator) {
  const double gone = -std::expm1(-2.0 * step.h);
  return z * (step.ratio * std::exp(-step.h)) + data * (step.alpha * gone) +
         at::randn(z.sizes(), generator, z.options()) *
             (step.sigma * std::sqrt(gone));
}

struct Task {
  const NoiseSchedule& schedule;
  const std::vector<double>& times;
  const DataPrediction& data_prediction;
  Walk walk;
};

Solution solve_ddim(const Task& task, at::Tensor z) {
  const std::size_t n = task.walk.steps();
  for (std::size_t i = 0; i < n; ++i) {
    z = first_order(z, task.data_prediction(z, task.times[i]),
                    task.walk.step(i));
  }
  return {z, static_cast<std::int64_t>(n)};
}

// Stochastic where there is a generator.
Solution solve_dpmpp2m(const Task& task, at::Tensor z,
                       at::Generator* generator) {
  const std::size_t n = task.walk.steps();
  at::Tensor previous;
  for (std::size_t i = 0; i < n; ++i) {
    const Step step = task.walk.step(i);
    const at::Tensor now = task.data_prediction(z, task.times[i]);
    const bool is_low_end = i + 1 == n && n < kFirstOrderEndBelow;
    at::Tensor data = now;
    if (previous.defined() && !is_low_end) {
      const double r = task.walk.step(i - 1).h / step.h;
      data = now + (now - previous) * (0.5 / r);
    }
    z = generator != nullptr && i + 1 < n
            ? first_order_sde(z, data, step, *generator)
            : first_order(z, data, step);
    previous = now;
  }
  return {z, static_cast<std::int64_t>(n)};
}

// c_1 and c_2 of the corrector: [[1, 1], [r, 1]] c = b (performance note of
// UniPC: R_1 c B(h) = phi), with hh = -h and B = e^{hh} - 1.
std::pair<double, double> corrector_weights(double h, double r) {
  const double hh = -h;
  const double b = std::expm1(hh);
  const double phi = b / hh - 1.0;
  const double b1 = phi / b;
  const double b2 = 2.0 * (phi / hh - 0.5) / b;
  return {(b1 - b2) / (1.0 - r), (b2 - r * b1) / (1.0 - r)};
}

Solution solve_unipc2(const Task& task, at::Tensor z) {
  const std::size_t n = task.walk.steps();
  if (n == 0) return {z, 0};
  at::Tensor now = task.data_prediction(z, task.times[0]);
  at::Tensor previous;
  for (std::size_t i = 0;; ++i) {
    const Step step = task.walk.step(i);
    const at::Tensor base = first_order(z, now, step);
    if (i + 1 == n) return {base, static_cast<std::int64_t>(n)};
    const double scale = step.alpha * std::expm1(-step.h);
    at::Tensor slope;
    double r = 0.0;
    if (previous.defined()) {
      r = -task.walk.step(i - 1).h / step.h;
      slope = (previous - now) / r;
    }
    const at::Tensor predicted =
        slope.defined() ? base - slope * (0.5 * scale) : base;
    const at::Tensor next = task.data_prediction(predicted, task.times[i + 1]);
    if (slope.defined()) {
      const auto [c1, c2] = corrector_weights(step.h, r);
      z = base - slope * (scale * c1) - (next - now) * (scale * c2);
    } else {
      z = base - (next - now) * (0.5 * scale);
    }
    previous = std::exchange(now, next);
  }
}

// The end's slope less the start's is (D_0 - D_1) a_1 / s_1: the ratio of the
// noise-to-signal ratios is e^h.
Solution solve_heun(const Task& task, at::Tensor z) {
  const std::size_t n = task.walk.steps();
  if (n == 0) return {z, 0};
  for (std::size_t i = 0;; ++i) {
    const Step step = task.walk.step(i);
    const at::Tensor now = task.data_prediction(z, task.times[i]);
    z = first_order(z, now, step);
    if (i + 1 == n) return {z, static_cast<std::int64_t>(2 * n - 1)};
    const at::Tensor next = task.data_prediction(z, task.times[i + 1]);
    z = z + (next - now) * (0.5 * step.alpha * std::expm1(step.h));
  }
}

Solution solve_ddpm(const Task& task, at::Tensor z, at::Generator& generator) {
  const std::size_t n = task.times.size();
  for (std::size_t i = 0; i < n; ++i) {
    const double alpha_now = task.schedule.at(task.times[i]).alpha;
    const double alpha_next =
        i + 1 < n ? task.schedule.at(task.times[i + 1]).alpha : 1.0;
    const double abar = alpha_now * alpha_now;
    const double next = alpha_next * alpha_next;
    const double beta = 1.0 - abar / next;
    const at::Tensor data = task.data_prediction(z, task.times[i]);
    z = data * (alpha_next * beta / (1.0 - abar)) +
        z * (std::sqrt(1.0 - beta) * (1.0 - next) / (1.0 - abar));
    if (i + 1 == n) break;
    const double deviation = std::sqrt(beta * (1.0 - next) / (1.0 - abar));
    z = z + at::randn(z.sizes(), generator, z.options()) * deviation;
  }
  return {z, static_cast<std::int64_t>(n)};
}

std::vector<double> full_grid(const NoiseSchedule& schedule, TimeGrid grid,
                              std::int64_t steps) {
  const double first = schedule.start(), last = schedule.end();
  const NoiseLevel high = schedule.at(first), low = schedule.at(last);
  std::vector<double> times(steps + 1, first);
  for (std::int64_t i = 1; i < steps; ++i) {
    const double share = double(i) / double(steps);
    if (grid == TimeGrid::uniform) {
      times[i] = std::lerp(first, last, share);
    } else if (grid == TimeGrid::quadratic) {
      const double root = std::lerp(std::sqrt(first), std::sqrt(last), share);
      times[i] = root * root;
    } else if (grid == TimeGrid::lambda) {
      times[i] = schedule.time_of(std::lerp(high.lambda, low.lambda, share));
    } else {
      const double alpha = std::lerp(high.alpha, low.alpha, share);
      times[i] =
          schedule.time_of(std::log(alpha) - 0.5 * std::log1p(-alpha * alpha));
    }
  }
  times[steps] = last;
  return times;
}

std::vector<double> respaced_times(const NoiseSchedule& schedule,
                                   std::int64_t steps) {
  const auto indices = schedule.respaced(std::min(steps, schedule.size()));
  std::vector<double> times;
  for (auto index = indices.rbegin(); index != indices.rend(); ++index) {
    times.push_back(schedule.time_at(*index));
  }
  return times;
}

}  // namespace

SolverKind solver_named(const std::string& name) {
  return SolverKind(value_of(kSolvers, name, "sampler"));
}

TimeGrid time_grid_named(const std::string& name) {
  return TimeGrid(value_of(kGrids, name, "time grid"));
}

std::string to_string(SolverKind kind) { return name_of(kSolvers, int(kind)); }
std::string to_string(TimeGrid grid) { return name_of(kGrids, int(grid)); }

std::vector<std::string> time_grid_names() {
  std::vector<std::string> names;
  for (const auto& grid : kGrids) names.emplace_back(grid.name);
  return names;
}

at::Tensor data_from_noise(const at::Tensor& z, const at::Tensor& noise,
                           const NoiseLevel& level) {
  return (z - noise * level.sigma) / level.alpha;
}

at::Tensor data_from_velocity(const at::Tensor& z, const at::Tensor& velocity,
                              const NoiseLevel& level) {
  return z * level.alpha - velocity * level.sigma;
}

std::vector<double> solver_times(SolverKind kind, const NoiseSchedule& schedule,
                                 TimeGrid grid, std::int64_t steps,
                                 double from) {
  SHALAB_CHECK(steps >= 1, "a sampler needs at least one step");
  const auto times = kind == SolverKind::ddpm
                         ? respaced_times(schedule, steps)
                         : full_grid(schedule, grid, steps);
  if (from >= times.front()) return times;
  std::vector<double> rest{from};
  for (const double t : times) {
    if (t < from) rest.push_back(t);
  }
  return rest;
}

Solution solve(SolverKind kind, const NoiseSchedule& schedule,
               const std::vector<double>& times, const at::Tensor& z,
               const DataPrediction& data_prediction,
               at::Generator& generator) {
  for (std::size_t i = 1; i < times.size(); ++i) {
    SHALAB_CHECK(times[i] < times[i - 1], "solver times must descend, got " +
                                              std::to_string(times[i - 1]) +
                                              " before " +
                                              std::to_string(times[i]));
  }
  const Task task{schedule, times, data_prediction, Walk(schedule, times)};
  switch (kind) {
    case SolverKind::ddim:
      return solve_ddim(task, z);
    case SolverKind::dpmpp2m:
      return solve_dpmpp2m(task, z, nullptr);
    case SolverKind::sde_dpmpp2m:
      return solve_dpmpp2m(task, z, &generator);
    case SolverKind::unipc2:
      return solve_unipc2(task, z);
    case SolverKind::heun:
      return solve_heun(task, z);
    case SolverKind::ddpm:
      return solve_ddpm(task, z, generator);
  }
  check_failed(__FILE__, __LINE__, "known solver", to_string(kind));
}

}  // namespace shalab::nn
