#include "shalab/nn/init.h"

#include <torch/nn/init.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

#include "shalab/error.h"

namespace shalab {

namespace {

void start(const torch::Tensor& weight, const torch::Tensor& bias,
           bool is_transposed) {
  if (is_transposed) {
    torch::nn::init::kaiming_normal_(weight, 0.0, torch::kFanOut, torch::kReLU);
  } else {
    torch::nn::init::kaiming_normal_(weight, 0.0, torch::kFanIn, torch::kReLU);
  }
  if (bias.defined()) torch::nn::init::zeros_(bias);
}

template <typename Convolution>
bool start_if_forward(torch::nn::Module& module) {
  auto* layer = module.as<Convolution>();
  if (layer != nullptr) start(layer->weight, layer->bias, false);
  return layer != nullptr;
}

template <typename Convolution>
bool start_if_transposed(torch::nn::Module& module) {
  auto* layer = module.as<Convolution>();
  if (layer == nullptr) return false;
  start(layer->weight, layer->bias, true);
  const torch::NoGradGuard no_grad;
  if (layer->options.stride()->front() == 2) layer->weight.mul_(std::sqrt(2.0));
  return true;
}

void start_layer(torch::nn::Module& layer) {
  start_if_forward<torch::nn::LinearImpl>(layer) ||
      start_if_forward<torch::nn::Conv1dImpl>(layer) ||
      start_if_forward<torch::nn::Conv2dImpl>(layer) ||
      start_if_transposed<torch::nn::ConvTranspose1dImpl>(layer) ||
      start_if_transposed<torch::nn::ConvTranspose2dImpl>(layer);
}

}  // namespace

void declare_init_field(FieldList& fields) {
  fields.choice("init", "default", {"default", "he"},
                "how weights start: LibTorch's own, or He normal, zero biases");
}

void initialise(torch::nn::Module& module, const std::string& init) {
  SHALAB_CHECK(init == "default" || init == "he", "init '" + init + "'");
  if (init == "default") return;
  start_layer(module);
  for (const auto& layer : module.modules(/*include_self=*/false)) {
    start_layer(*layer);
  }
}

}  // namespace shalab
