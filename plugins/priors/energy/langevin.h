#pragma once
// Short-run Langevin dynamics (Nijkamp et al. 2019; Pang et al. 2020).

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace shalab::energy {

// steps times  z <- z + s^2/2 grad log p(z) + s xi,  xi ~ N(0, I).
// z [N, D]; log_density [N, D] -> [N], up to a constant. There is no
// Metropolis correction: on N(0, a^2) the chain's variance tends to
// a^2 / (1 - s^2 / (4 a^2)). Gradient: none. Randomness: `generator`, on z's
// device.
at::Tensor langevin(
    const std::function<at::Tensor(const at::Tensor&)>& log_density,
    at::Tensor z, std::int64_t steps, double s, at::Generator& generator);

}  // namespace shalab::energy
