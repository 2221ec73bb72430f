#include "solve_guided.h"

#include "shalab/error.h"
#include "shalab/fields.h"

namespace shalab::diffusion {

namespace {

std::string text(double time) { return to_text(FieldValue(time)); }

}  // namespace

std::vector<double> halted(std::vector<double> times, double level) {
  if (level <= times.back()) return times;
  if (times.front() <= level) {
    throw Error(ErrorKind::usage,
                "diffusion: halt_at = " + text(level) +
                    " is not below the time at which the draw starts, " +
                    text(times.front()),
                "lower halt_at, or start from more noise");
  }
  std::erase_if(times, [level](double t) { return t <= level; });
  times.push_back(level);
  return times;
}

nn::Solution solve_guided(const ReverseProcess& process,
                          const std::vector<double>& times,
                          const GuidedPrediction& guided, const at::Tensor& z,
                          at::Generator& generator) {
  const auto& schedule = process.schedule;
  const auto data = [&](const at::Tensor& z_t, double t) {
    const auto prediction = guided.predict(z_t, schedule.index_of(t));
    const auto level = schedule.at(t);
    return process.predicts_velocity
               ? nn::data_from_velocity(z_t, prediction, level)
               : nn::data_from_noise(z_t, prediction, level);
  };
  auto solution =
      nn::solve(process.sampler, schedule, times, z, data, generator);
  solution.evaluations *= guided.evaluations();
  return solution;
}

}  // namespace shalab::diffusion
