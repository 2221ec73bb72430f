#include "coupling.h"

#include <ATen/ATen.h>

namespace shalab::flow {
namespace {

constexpr double kLargestLogScale = 2.0;

}  // namespace

Coupling::Coupling(const at::Tensor& mask, std::int64_t hidden,
                   std::int64_t layers)
    : mask_(register_buffer("mask", mask)),
      network_(register_module(
          "network",
          Mlp(mlp_widths(mask.size(0), hidden, 2 * mask.size(0), layers),
              "silu"))) {
  const at::NoGradGuard no_grad;
  auto parameters = network_->parameters();
  parameters[parameters.size() - 2].zero_();
  parameters[parameters.size() - 1].zero_();
}

std::pair<at::Tensor, at::Tensor> Coupling::scale_and_shift(
    const at::Tensor& kept) {
  const auto parts = network_->forward(kept).to(at::kFloat).chunk(2, 1);
  const auto moved = 1 - mask_;
  const auto s = kLargestLogScale * at::tanh(parts[0] / kLargestLogScale);
  return {s * moved, parts[1] * moved};
}

std::pair<at::Tensor, at::Tensor> Coupling::forward(const at::Tensor& y) {
  const auto [s, t] = scale_and_shift(y * mask_);
  return {y * s.exp() + t, s.sum(1)};
}

at::Tensor Coupling::inverse(const at::Tensor& u) {
  const auto [s, t] = scale_and_shift(u * mask_);
  return (u - t) * (-s).exp();
}

}  // namespace shalab::flow
