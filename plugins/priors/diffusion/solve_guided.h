#pragma once
// The reverse process under guidance.

#include <ATen/core/Generator.h>

#include <vector>

#include "guided_prediction.h"
#include "shalab/nn/noise_schedule.h"
#include "shalab/nn/solvers.h"

namespace shalab::diffusion {

struct ReverseProcess {
  const nn::NoiseSchedule& schedule;
  nn::SolverKind sampler;
  bool predicts_velocity;  // else the noise
};

// The times above `level`, and `level` itself; all where level <= the last.
// Error(usage) where the first is no larger.
std::vector<double> halted(std::vector<double> times, double level);

// From z [B, D] at times.front(); evaluations count every network.
nn::Solution solve_guided(const ReverseProcess& process,
                          const std::vector<double>& times,
                          const GuidedPrediction& guided, const at::Tensor& z,
                          at::Generator& generator);

}  // namespace shalab::diffusion
