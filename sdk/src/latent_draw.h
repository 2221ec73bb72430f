#pragma once
// Reparameterised draws of latents in one pass each way.

#include <ATen/core/Tensor.h>

#include <tuple>

#include "shalab/posterior.h"

namespace shalab {

// location + scale * noise, [K, B, D], for noise of a standard member of the
// family, [K, B, D]; location and spread are [B, D] or [K, B, D], scale is
// exp(spread / 2) of a normal and spread of a laplace (Kingma & Welling, 2014).
// Gradient: to location and spread, differentiable again.
at::Tensor latent_draw(Posterior::Family family, const at::Tensor& location,
                       const at::Tensor& spread, const at::Tensor& noise);

// What the operators shalab::latent_draw and shalab::latent_draw_backward
// compute, by ATen. `family` is the number of a Posterior::Family.
namespace formula {

at::Tensor latent_draw(const at::Tensor& location, const at::Tensor& spread,
                       const at::Tensor& noise, std::int64_t family);

// Gradients to location and spread, in spread's shape, from `gradient` [K, B,
// D].
std::tuple<at::Tensor, at::Tensor> latent_draw_backward(
    const at::Tensor& spread, const at::Tensor& noise,
    const at::Tensor& gradient, std::int64_t family);

}  // namespace formula

}  // namespace shalab
