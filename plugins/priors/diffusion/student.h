#pragma once
// Distillation: a student that makes the teacher's way, guidance included, in
// a few evaluations (after Luhman & Luhman 2021 and Salimans & Ho 2022, whose
// repeated halving of steps is one jump here).
//
// The teacher goes through each of N equal intervals of time by UniPC-2, from
// z_0 to z_1; the student learns the one estimate of the data whose DDIM step
// makes the same way,
//   D = (z_1 - (s_1/s_0) z_0) / (-a_1 (e^{-h} - 1)),
// as a velocity v = (a_0 z_0 - D) / s_0.

#include <ATen/core/Generator.h>

#include <cstdint>
#include <vector>

#include "guided_prediction.h"
#include "shalab/nn/noise_schedule.h"

namespace shalab::diffusion {

// The times of a student of N steps: N + 1, descending, in equal steps of
// alpha, which ask about the same of each evaluation (in equal times the first
// of four jumps does nothing and the third most).
std::vector<double> student_times(const nn::NoiseSchedule& schedule,
                                  std::int64_t steps);

// Pairs of the teacher's way: B rows for each interval, in the order of time.
struct Lesson {
  at::Tensor z;           // [N B, D]
  at::Tensor time_index;  // [N B]
  at::Tensor velocity;    // [N B, D]: the student's target
  at::Tensor weight;      // [N B, 1]: 1 / its mean square in the interval
};

// From noise [B, D] under a teacher that predicts velocities. Gradient: none.
Lesson teach(const nn::NoiseSchedule& schedule, std::int64_t steps,
             const GuidedPrediction& teacher, const at::Tensor& noise,
             at::Generator& generator);

}  // namespace shalab::diffusion
