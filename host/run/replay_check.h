#pragma once
// Whether a recording computes what the work computes.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace shalab {

// All that a piece of work changes.
struct WorkState {
  std::vector<at::Tensor> tensors;
  at::Generator generator;
};

// Of a tensor's change, by norms; what order of summation may do to gradients.
inline constexpr double kReplayTolerance = 0.05;

// Does the work, takes it back, replays it, and compares what both made of each
// tensor. "": they agree, and the state is as after one replay. Otherwise what
// differs, and the state is as it was before. Waits for the device. [main]
std::string replay_difference(const WorkState& state,
                              const std::function<void()>& work,
                              const std::function<void()>& replay);

}  // namespace shalab
