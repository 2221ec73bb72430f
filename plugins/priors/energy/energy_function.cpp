#include "energy_function.h"

#include <ATen/ATen.h>

#include "shalab/nn/mlp.h"

namespace shalab::energy {
namespace {

constexpr double kSlope = 0.2;

}  // namespace

EnergyFunction::EnergyFunction(const FunctionOptions& options)
    : activation_(options.activation) {
  const auto widths =
      mlp_widths(options.latent, options.hidden, 1, options.layers);
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    layers_.push_back(register_module(
        std::to_string(i), torch::nn::Linear(widths[i], widths[i + 1])));
  }
}

at::Tensor EnergyFunction::activated(const at::Tensor& x) const {
  if (activation_ == "gelu") return at::gelu(x);
  if (activation_ == "silu") return at::silu(x);
  return at::leaky_relu(x, kSlope);
}

at::Tensor EnergyFunction::forward(const at::Tensor& z) {
  at::Tensor x = z;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) x = activated(x);
    x = layers_[i]->forward(x);
  }
  return x.squeeze(-1);
}

at::Tensor EnergyFunction::forward_fixed(const at::Tensor& z) const {
  at::Tensor x = z;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) x = activated(x);
    x = at::linear(x, layers_[i]->weight.detach(), layers_[i]->bias.detach());
  }
  return x.squeeze(-1);
}

}  // namespace shalab::energy
