#include "langevin.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace shalab::energy {

at::Tensor langevin(
    const std::function<at::Tensor(const at::Tensor&)>& log_density,
    at::Tensor z, std::int64_t steps, double s, at::Generator& generator) {
  const at::AutoGradMode with_gradients(true);
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto at_z = z.detach().requires_grad_();
    const auto slope =
        torch::autograd::grad({log_density(at_z).sum()}, {at_z})[0];
    const auto noise = at::randn(z.sizes(), generator, z.options());
    z = at_z.detach() + slope * (s * s / 2) + noise * s;
  }
  return z;
}

}  // namespace shalab::energy
