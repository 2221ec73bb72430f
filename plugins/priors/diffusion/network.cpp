#include "network.h"

#include <ATen/ATen.h>

#include <string>

namespace shalab::diffusion {
namespace {

constexpr double kSmallDeviation = 0.02;

}  // namespace

Network::Network(const Options& options, const PriorContext& context) {
  const std::int64_t width = options.network.width;
  const auto num_modalities =
      static_cast<std::int64_t>(context.modalities.size());
  for (std::int64_t m = 0; m < num_modalities; ++m) {
    auto encoder = options.reads_data
                       ? make_data_encoder(context.modalities[m], width)
                       : make_feature_projection(context.features[m], width);
    encoders_.push_back(
        register_module("condition_" + std::to_string(m), encoder));
  }
  modality_vectors_ = register_parameter(
      "modality_vectors", at::randn({num_modalities, width}) * kSmallDeviation);
  null_ = register_parameter("null", at::randn({width}) * kSmallDeviation);
  auto network = options.network;
  network.latent = context.latent;
  denoiser_ =
      register_module("denoiser", options.is_transformer
                                      ? nn::make_transformer_denoiser(network)
                                      : nn::make_mlp_denoiser(network));
}

at::Tensor Network::embed(std::size_t modality, const at::Tensor& x) {
  return encoders_[modality]->forward(x) +
         modality_vectors_[static_cast<std::int64_t>(modality)];
}

at::Tensor Network::null_condition(std::int64_t rows) const {
  return null_.expand({rows, null_.size(0)});
}

at::Tensor Network::predict(const at::Tensor& z, const at::Tensor& time,
                            const at::Tensor& condition) {
  return denoiser_->forward(z, time, condition);
}

}  // namespace shalab::diffusion
