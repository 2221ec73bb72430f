#include "shalab/nn/residual_block.h"

#include <ATen/ops/leaky_relu.h>

#include <algorithm>

#include "shalab/error.h"

namespace shalab::nn {

namespace {

constexpr double kSlope = 0.2;
constexpr double kWeight = 0.1;

}  // namespace

Conv2d conv3(std::int64_t in, std::int64_t out) {
  return Conv2d(torch::nn::Conv2dOptions(in, out, 3).padding(1));
}

ResidualBlockImpl::ResidualBlockImpl(std::int64_t in, std::int64_t out,
                                     Input input)
    : input_(input),
      first_(conv3(in, std::min(in, out))),
      second_(conv3(std::min(in, out), out)) {
  register_module("first", first_);
  register_module("second", second_);
  if (in == out) return;
  shortcut_ = register_module(
      "shortcut", Conv2d(torch::nn::Conv2dOptions(in, out, 1).bias(false)));
}

LeakyResidual ResidualBlockImpl::activated(const at::Tensor& x) {
  return {x, at::leaky_relu(x, kSlope)};
}

Resample ResidualBlockImpl::before() const {
  return input_ == Input::upsampled ? Resample::upsample : Resample::none;
}

at::Tensor ResidualBlockImpl::shortcut(const at::Tensor& x) {
  return shortcut_ ? shortcut_->forward(x) : x;
}

at::Tensor ResidualBlockImpl::change(const at::Tensor& activated) {
  return second_->forward(
      input_ == Input::upsampled
          ? first_->forward_upsampled_activated(activated, kSlope)
          : first_->forward_activated(activated, kSlope));
}

LeakyResidual ResidualBlockImpl::forward(const LeakyResidual& x) {
  return leaky_residual(shortcut(x.sum), change(x.activated), kWeight, kSlope,
                        before());
}

LeakyResidual ResidualBlockImpl::forward_pooled(const LeakyResidual& x) {
  SHALAB_CHECK(input_ == Input::as_given, "upsampled, then pooled");
  return leaky_residual(shortcut(x.sum), change(x.activated), kWeight, kSlope,
                        Resample::average_pool);
}

at::Tensor ResidualBlockImpl::sum(const LeakyResidual& x) {
  if (input_ == Input::upsampled) return forward(x).sum;
  return shortcut(x.sum) + kWeight * change(x.activated);
}

at::Tensor ResidualBlockImpl::activation(const LeakyResidual& x) {
  return activated_residual(shortcut(x.sum), change(x.activated), kWeight,
                            kSlope, before());
}

}  // namespace shalab::nn
