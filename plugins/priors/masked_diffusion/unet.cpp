#include "unet.h"

#include <ATen/ATen.h>

#include <string>

#include "shalab/nn/layers.h"

namespace shalab::masked_diffusion {
namespace {

constexpr int kLevels = 2;

at::Tensor activated(torch::nn::GroupNorm& norm, const at::Tensor& x) {
  return at::silu(norm->forward(x));
}

}  // namespace

Block::Block(std::int64_t in, std::int64_t out, const NetworkOptions& options)
    : norm1_(
          register_module("norm1", torch::nn::GroupNorm(options.groups, in))),
      norm2_(
          register_module("norm2", torch::nn::GroupNorm(options.groups, out))),
      linear1_(register_module("linear1", nn::Linear(in, out))),
      linear2_(register_module("linear2", nn::Linear(out, out))),
      time_(register_module("time", nn::Linear(options.time_width, out))) {
  if (in != out) {
    shortcut_ = register_module("shortcut", nn::Linear(in, out));
  }
}

at::Tensor Block::forward(const at::Tensor& x, const at::Tensor& time) {
  const auto h =
      linear1_->forward(activated(norm1_, x)) + time_->forward(at::silu(time));
  return linear2_->forward(activated(norm2_, h)) +
         (shortcut_ ? shortcut_->forward(x) : x);
}

UNet::Level UNet::make_level(const std::string& name, std::int64_t in,
                             const NetworkOptions& options) {
  return {register_module(name,
                          std::make_shared<Block>(in, options.width, options)),
          register_module(name + "_linear",
                          nn::Linear(options.width, options.width))};
}

UNet::UNet(const NetworkOptions& options)
    : input_(
          register_module("input", nn::Linear(options.latent, options.width))),
      time1_(register_module(
          "time1", nn::Linear(options.modalities, options.time_width))),
      time2_(register_module(
          "time2", nn::Linear(options.time_width, options.time_width))),
      norm_(register_module(
          "norm", torch::nn::GroupNorm(options.groups, options.width))),
      output_(register_module("output",
                              nn::Linear(options.width, options.latent))) {
  const std::int64_t width = options.width;
  for (int i = 0; i < kLevels; ++i) {
    const auto index = std::to_string(i);
    down_.push_back(make_level("down_" + index, width, options));
    middle_.push_back(register_module(
        "middle_" + index, std::make_shared<Block>(width, width, options)));
    up_.push_back(make_level("up_" + index, 2 * width, options));
  }
  last_ = register_module("last",
                          std::make_shared<Block>(2 * width, width, options));
  const at::NoGradGuard no_grad;
  output_->weight.zero_();
  output_->bias.zero_();
}

at::Tensor UNet::forward(const at::Tensor& y, const at::Tensor& tau) {
  const auto r = input_->forward(y);
  const auto time = time2_->forward(at::gelu(time1_->forward(tau)));
  at::Tensor x = r;
  std::vector<at::Tensor> kept;
  for (auto& level : down_) {
    kept.push_back(level.block->forward(x, time));
    x = level.linear->forward(kept.back());
  }
  for (auto& block : middle_) x = block->forward(x, time);
  for (auto& level : up_) {
    x = level.block->forward(at::cat({x, kept.back()}, 1), time);
    x = level.linear->forward(x);
    kept.pop_back();
  }
  x = last_->forward(at::cat({x, r}, 1), time);
  return output_->forward(activated(norm_, x)).to(at::kFloat);
}

}  // namespace shalab::masked_diffusion
