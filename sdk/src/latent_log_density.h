#pragma once
// Densities of latents under diagonal components with own backward: nothing of
// the size of draws times components is kept.

#include <ATen/core/Tensor.h>

#include <tuple>

#include "shalab/posterior.h"

namespace shalab {

// log q_c(z) in nats, [S, C, B], for z [S, B, D] and components of a simple
// family with location and spread [C, B, D] (log_var of a normal, scale of a
// laplace). Gradient: to all three, differentiable again. A failed check for a
// family without a density and for other shapes.
at::Tensor latent_log_density(Posterior::Family family, const at::Tensor& z,
                              const at::Tensor& location,
                              const at::Tensor& spread);

// What the operators shalab::latent_log_density and
// shalab::latent_log_density_backward compute, by ATen. `family` is the number
// of a Posterior::Family.
namespace formula {

at::Tensor latent_log_density(const at::Tensor& z, const at::Tensor& location,
                              const at::Tensor& spread, std::int64_t family);

// Gradients to z, and to location and spread, from `gradient` [S, C, B]; those
// that are not wanted are undefined.
std::tuple<at::Tensor, at::Tensor, at::Tensor> latent_log_density_backward(
    const at::Tensor& z, const at::Tensor& location, const at::Tensor& spread,
    const at::Tensor& gradient, std::int64_t family, bool wants_z,
    bool wants_components);

}  // namespace formula

}  // namespace shalab
