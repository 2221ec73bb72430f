#include "solve_guided.h"

namespace shalab::diffusion {

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
