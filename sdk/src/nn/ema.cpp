#include "shalab/nn/ema.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "shalab/error.h"

namespace shalab::nn {

void copy_parameters(torch::nn::Module& to, const torch::nn::Module& from) {
  const at::NoGradGuard no_grad;
  const auto copy = [](const std::vector<at::Tensor>& targets,
                       const std::vector<at::Tensor>& sources) {
    SHALAB_CHECK(targets.size() == sources.size(),
                 std::to_string(targets.size()) + " tensors against " +
                     std::to_string(sources.size()));
    for (std::size_t i = 0; i < targets.size(); ++i) {
      SHALAB_CHECK(targets[i].sizes() == sources[i].sizes(),
                   "tensor " + std::to_string(i) + " differs in shape");
      targets[i].copy_(sources[i]);
    }
  };
  copy(to.parameters(), from.parameters());
  copy(to.buffers(), from.buffers());
}

Ema::Ema(double decay)
    : decay_(decay),
      updates_(register_module("updates", std::make_shared<Counter>())) {}

Ema::~Ema() = default;

void Ema::update(torch::nn::Module& average, const torch::nn::Module& live) {
  const at::NoGradGuard no_grad;
  const std::int64_t index = updates_->value();
  const double n = double(index);
  const double decay = std::min(decay_, (1.0 + n) / (10.0 + n));
  at::_foreach_lerp_(average.parameters(), live.parameters(), 1.0 - decay);
  updates_->set(index + 1);
}

}  // namespace shalab::nn
