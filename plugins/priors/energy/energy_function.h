#pragma once
// f(z), the negative energy: a small MLP.

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>
#include <string>
#include <vector>

namespace shalab::energy {

struct FunctionOptions {
  std::int64_t latent = 0;
  std::int64_t hidden = 200;
  std::int64_t layers = 3;                // linear layers
  std::string activation = "leaky_relu";  // slope 0.2; or gelu, silu
};

class EnergyFunction : public torch::nn::Module {
 public:
  explicit EnergyFunction(const FunctionOptions& options);

  // [..., D] -> [...]. Gradient: to z and to the parameters.
  at::Tensor forward(const at::Tensor& z);
  // The same value. Gradient: to z only.
  at::Tensor forward_fixed(const at::Tensor& z) const;

 private:
  at::Tensor activated(const at::Tensor& x) const;

  std::string activation_;
  std::vector<torch::nn::Linear> layers_;
};

}  // namespace shalab::energy
