#include "mixture.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

namespace shalab::gaussian_mixture {
namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);

}  // namespace

ComponentDensity::ComponentDensity(const Mixture& mixture)
    : components_(mixture.means.size(0)), latent_(mixture.means.size(1)) {
  const auto diagonal =
      mixture.is_full() ? mixture.scale.diagonal(0, 1, 2) : mixture.scale;
  constant_ = mixture.weights.log() - diagonal.log().sum(1) -
              0.5 * double(latent_) * kLogTwoPi;
  if (mixture.is_full()) {
    const auto eye = at::eye(latent_, mixture.scale.options());
    const auto inverse = at::linalg_solve_triangular(
        mixture.scale, eye.expand_as(mixture.scale), /*upper=*/false);
    whitening_ = inverse.permute({2, 0, 1}).reshape({latent_, -1});
    shift_ = at::matmul(inverse, mixture.means.unsqueeze(2)).flatten();
  } else {
    precision_ = mixture.scale.pow(-2);
    weighted_mean_ = mixture.means * precision_;
    square_ = (mixture.means * weighted_mean_).sum(1);
  }
}

at::Tensor ComponentDensity::operator()(const at::Tensor& y) const {
  return constant_ - 0.5 * distance(y);
}

at::Tensor ComponentDensity::distance(const at::Tensor& y) const {
  if (whitening_.defined()) {
    return (at::matmul(y, whitening_) - shift_)
        .view({y.size(0), components_, latent_})
        .square()
        .sum(2);
  }
  return at::matmul(y.square(), precision_.t()) -
         2.0 * at::matmul(y, weighted_mean_.t()) + square_;
}

}  // namespace shalab::gaussian_mixture
