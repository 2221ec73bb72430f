#pragma once
// Exponential moving average of a module's parameters.

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "shalab/nn/counter.h"

namespace shalab::nn {

// Copies parameters and buffers, in registration order. Failed check when the
// two differ in their count or shapes. Gradient: none.
void copy_parameters(torch::nn::Module& to, const torch::nn::Module& from);

// average <- average + (1 - d) (live - average), d = min(decay, (1+n)/(10+n))
// at the update with index n = 0, 1, ...: a short warm-up, so that few steps
// do not remember the initial values. The count of updates is a buffer, so it
// is saved with the checkpoint and a resumed run goes on alike.
class Ema : public torch::nn::Module {
 public:
  explicit Ema(double decay);
  ~Ema() override;

  // One foreach operation over all parameters; no wait for the device.
  // `average` and `live` have the same structure. Gradient: none. [main]
  void update(torch::nn::Module& average, const torch::nn::Module& live);
  std::int64_t updates() { return updates_->value(); }

 private:
  double decay_;
  std::shared_ptr<Counter> updates_;
};

}  // namespace shalab::nn
