#include "model/multimodal_model.h"

#include <ATen/core/grad_mode.h>

namespace shalab {

MultimodalModel::MultimodalModel(std::vector<ModalitySpec> modalities,
                                 LatentSizes latent,
                                 std::vector<std::shared_ptr<Encoder>> encoders,
                                 std::shared_ptr<Fusion> fusion,
                                 std::shared_ptr<Prior> prior)
    : modalities_(std::move(modalities)),
      latent_(latent),
      encoders_(std::move(encoders)),
      fusion_(std::move(fusion)),
      prior_(std::move(prior)) {
  for (std::size_t m = 0; m < encoders_.size(); ++m) {
    register_module("encoder_" + modalities_[m].name, encoders_[m]);
  }
  register_module("fusion", fusion_);
  register_module("prior", prior_);
}

std::vector<Features> MultimodalModel::encode(const Batch& batch) {
  std::vector<Features> features;
  features.reserve(encoders_.size());
  for (std::size_t m = 0; m < encoders_.size(); ++m) {
    features.push_back(encoders_[m]->encode(batch.data[m]));
  }
  return features;
}

Posterior MultimodalModel::fuse(const std::vector<Features>& features,
                                const at::Tensor& presence) {
  return fusion_->fuse(features, presence);
}

Likelihood MultimodalModel::decode(std::size_t modality,
                                   const at::Tensor& code) {
  return encoders_[modality]->decode(code);
}

std::vector<std::int64_t> MultimodalModel::feature_sizes() const {
  std::vector<std::int64_t> sizes;
  for (const auto& encoder : encoders_) {
    sizes.push_back(encoder->context().features);
  }
  return sizes;
}

void use_channels_last(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

}  // namespace shalab
