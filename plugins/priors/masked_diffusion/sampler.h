#pragma once
// From noise to data, along the reverse of the SDE.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "shalab/nn/solvers.h"

namespace shalab::masked_diffusion {

struct SamplingOptions {
  std::string sampler = "unipc2";  // one of nn/solvers.h; euler; repaint
  std::int64_t steps = 20;         // N
  nn::TimeGrid grid = nn::TimeGrid::quadratic;
  std::int64_t jump_length = 10;
  std::int64_t resamplings = 10;
};

// The sampler in words, for the record.
std::string describe(const SamplingOptions& options);

// The noise in y [B, D], all noised columns at time t.
using NoisePrediction = std::function<at::Tensor(const at::Tensor&, double)>;

// Between which values each column of the data lies, [D] each. So does its
// expectation given y_t: what a fast solver takes for the data is cut to it,
// or near t = 1, where that is (y_t - s_t eps) / m_t with 1 / m_t = 152, a
// small error of eps would grow from step to step (Saharia et al. 2022, 2.3).
struct DataRange {
  at::Tensor lowest;
  at::Tensor highest;
};

// y [B, D] at time 1 -> time 0. Each column goes its own way but for
// noise_of, so columns that noise_of replaces do not touch the others.
//   euler    dt = 1/N, t = k dt, k = N..1, without noise in the last:
//            y <- y + beta(t) dt (y/2 - eps/s_t) + sqrt(beta(t) dt) xi
//   repaint  the same steps on a walk that goes back jump_length steps at
//            every jump_length-th level, so that each stretch is passed
//            `resamplings` times (Lugmayr et al. 2022); a step back is
//            y <- a y + sqrt(1 - a^2) xi, a = m_{t+dt} / m_t.
//            N = 250, 10, 10: 2410 evaluations
//   others   nn::solve on nn::vp_schedule(), data cut to `range`
// Randomness: `generator`, on y's device.
nn::Solution sample(const SamplingOptions& options, const at::Tensor& y,
                    const NoisePrediction& noise_of, const DataRange& range,
                    at::Generator& generator);

// The levels k of repaint's walk from N to 0; neighbours differ by one.
std::vector<std::int64_t> repaint_walk(std::int64_t steps,
                                       std::int64_t jump_length,
                                       std::int64_t resamplings);

}  // namespace shalab::masked_diffusion
