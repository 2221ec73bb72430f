#pragma once
// Samplers of a variance-preserving diffusion, from noise to data.
//
// Each walks down the times of a grid and asks, once per time (heun: once more
// at the end of each step but the last), for the estimate D(z, t) of z_0.
// Coefficients are double on the host; z keeps its own type. a, s, lambda are
// those of noise_schedule.h; a step goes from index 0 (now) to 1 (next), h =
// lambda_1 - lambda_0.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "shalab/nn/noise_schedule.h"

namespace shalab::nn {

// ddim     z_1 = (s_1/s_0) z_0 - a_1 (e^{-h} - 1) D_0        (first order)
// dpmpp2m  the same with D = D_0 + (D_0 - D_{-1}) h / (2 h_{-1}) from the
//          second step on; the last step is first order below 15 steps
//          (Lu et al. 2022)
// sde_dpmpp2m  z_1 = (s_1/s_0) e^{-h} z_0 + a_1 (1 - e^{-2h}) D
//          + s_1 sqrt(1 - e^{-2h}) xi, D as for dpmpp2m; the last step is
//          ddim's. Its noise undoes errors of the earlier steps, which pays
//          under strong guidance (Lu et al. 2022, SDE-DPM-Solver++)
// unipc2   UniPC with B(h) = e^{-h} - 1, order 2, data prediction: predictor,
//          evaluation, corrector; the last step is first order without a
//          corrector (Zhao et al. 2023)
// heun     z/a over s/a by the mean of the slopes at both ends of a step, 2 n -
// 1
//          evaluations in n steps; the last step is ddim's (Karras et al. 2022)
// ddpm     ancestral sampling of the respaced chain with the posterior's own
//          variance (Ho et al. 2020)
enum class SolverKind { unipc2, dpmpp2m, sde_dpmpp2m, ddim, heun, ddpm };
// uniform in t, in sqrt(t), in lambda, in alpha
enum class TimeGrid { uniform, quadratic, lambda, alpha };

// By the names above; Error(usage) for another word.
SolverKind solver_named(const std::string& name);
TimeGrid time_grid_named(const std::string& name);
std::string to_string(SolverKind kind);
std::string to_string(TimeGrid grid);
std::vector<std::string> time_grid_names();

// D(z, t): the estimate of z_0 [B, D] for z [B, D] at time t.
using DataPrediction = std::function<at::Tensor(const at::Tensor&, double)>;

// D from a prediction of the noise, D = (z - s e) / a, or of the velocity
// v = a e - s z_0, D = a z - s v.
at::Tensor data_from_noise(const at::Tensor& z, const at::Tensor& noise,
                           const NoiseLevel& level);
at::Tensor data_from_velocity(const at::Tensor& z, const at::Tensor& velocity,
                              const NoiseLevel& level);

// The times at which the sampler stands, descending, for `steps` >= 1 steps:
// steps + 1 of them from schedule.start() to schedule.end(), of
// which the last is only arrived at; for ddpm the `steps` respaced times,
// after the last of which comes z_0 (the grid is not used).
// `from` < 1 begins at that time instead and keeps the part of the grid below
// it, so it costs fewer evaluations (style transfer, ShaLa 4.4).
std::vector<double> solver_times(SolverKind kind, const NoiseSchedule& schedule,
                                 TimeGrid grid, std::int64_t steps,
                                 double from = 1.0);

struct Solution {
  at::Tensor z;                  // [B, D], at the end of the grid
  std::int64_t evaluations = 0;  // calls of D
};

// From z [B, D] at times.front(). Gradient: as D's. Randomness: `generator`,
// for ddpm and sde_dpmpp2m, on z's device. Failed check when times do not
// descend.
Solution solve(SolverKind kind, const NoiseSchedule& schedule,
               const std::vector<double>& times, const at::Tensor& z,
               const DataPrediction& data_prediction, at::Generator& generator);

}  // namespace shalab::nn
