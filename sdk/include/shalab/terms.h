#pragma once
// Named parts of a loss.

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace shalab {

// `loss` is what is minimised: a scalar on the device, mean over the batch.
// `named` are scalars for the record ("log_likelihood.photo", "kl"), in nats
// unless the name says otherwise, detached by the host. Reading their values
// synchronises, so the host does it only every log_every steps.
struct Terms {
  at::Tensor loss;
  std::vector<std::pair<std::string, at::Tensor>> named;
};

}  // namespace shalab
