#include "shalab/nn/latent_moments.h"

#include <ATen/ATen.h>

#include "shalab/error.h"

namespace shalab::nn {
namespace {

at::Tensor column_variance(const at::Tensor& x) {
  return x.size(0) > 1 ? x.var(0) : at::zeros_like(x[0]);
}

}  // namespace

Moments aggregate_moments(const LatentSet& latents) {
  const at::NoGradGuard no_grad;
  SHALAB_CHECK(latents.mean.defined() && latents.mean.dim() == 2 &&
                   latents.mean.size(0) > 0,
               "latents must be [N, D] with N > 0");
  at::Tensor variance = column_variance(latents.mean);
  if (latents.log_var.defined()) {
    variance = variance + latents.log_var.exp().mean(0);
  }
  return {latents.mean.mean(0), variance.sqrt().clamp_min(kSmallestDeviation)};
}

Moments column_moments(const at::Tensor& x) {
  const at::NoGradGuard no_grad;
  SHALAB_CHECK(x.defined() && x.dim() == 2 && x.size(0) > 0,
               "features must be [N, H] with N > 0");
  return {x.mean(0), column_variance(x).sqrt() + kSmallestDeviation};
}

}  // namespace shalab::nn
