#pragma once
// The denoiser with what it is told: one embedding per modality, and a null.

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "condition_encoders.h"
#include "options.h"
#include "shalab/nn/denoisers.h"
#include "shalab/prior.h"

namespace shalab::diffusion {

class Network : public torch::nn::Module {
 public:
  Network(const Options& options, const PriorContext& context);

  // Condition c_j [B, W] of modality j: its encoder + its own vector.
  at::Tensor embed(std::size_t modality, const at::Tensor& x);
  // The null condition, [B, W] (a view).
  at::Tensor null_condition(std::int64_t rows) const;
  // The quantity that `prediction` names, [B, D] in float32, at time index
  // [B] or [1] under condition [B, W] or [1, W].
  at::Tensor predict(const at::Tensor& z, const at::Tensor& time,
                     const at::Tensor& condition);

 private:
  std::vector<std::shared_ptr<ConditionEncoder>> encoders_;
  at::Tensor modality_vectors_;  // [M, W]
  at::Tensor null_;              // [W]
  std::shared_ptr<nn::Denoiser> denoiser_;
};

}  // namespace shalab::diffusion
