#pragma once
// The variance-preserving SDE in continuous time (Song et al. 2021), of which
// NoiseSchedule::linear() is a discretisation: beta(t) = 0.1 + 19.9 t.
//
//   y_t = m_t y + s_t eps,  ln m_t = -19.9 t^2 / 4 - 0.1 t / 2,
//   s_t = sqrt(1 - m_t^2),  t in [0, 1]

#include <ATen/core/Tensor.h>

#include "shalab/nn/noise_schedule.h"

namespace shalab::nn {

double vp_beta(double t);
// ln m_t; elementwise for a tensor.
double vp_log_mean_factor(double t);
at::Tensor vp_log_mean_factor(const at::Tensor& t);

// 1000 steps for the solvers, exact where they stand: alpha(i/1000) is m_t.
NoiseSchedule vp_schedule();

}  // namespace shalab::nn
