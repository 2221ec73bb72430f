#include "model/multimodal_model.h"

#include <ATen/core/grad_mode.h>

#include "shalab/error.h"
#include "shalab/side_by_side.h"

namespace shalab {

namespace {

// First columns of the slots; empty where there are none.
std::vector<std::int64_t> slot_starts(const std::vector<std::int64_t>& slots,
                                      std::int64_t private_size) {
  std::vector<std::int64_t> starts;
  std::int64_t start = 0;
  for (const auto slot : slots) {
    starts.push_back(start);
    start += slot;
  }
  if (start == 0) {
    return {};
  }
  if (private_size > 0) {
    throw Error(ErrorKind::usage,
                "[encoder] slot: a slot is its modality's own, so there is no "
                "room for latent.private = " +
                    std::to_string(private_size),
                "set latent.private = 0, or every slot to 0");
  }
  return starts;
}

}  // namespace

MultimodalModel::MultimodalModel(
    std::vector<ModalitySpec> modalities, LatentSizes latent,
    std::vector<std::shared_ptr<Encoder>> encoders,
    std::shared_ptr<Fusion> fusion, std::shared_ptr<Prior> prior,
    std::shared_ptr<PrivateLatents> private_latents)
    : modalities_(std::move(modalities)),
      latent_(latent),
      encoders_(std::move(encoders)),
      fusion_(std::move(fusion)),
      prior_(std::move(prior)),
      private_latents_(std::move(private_latents)) {
  SHALAB_CHECK((latent_.private_ > 0) == (private_latents_ != nullptr),
               "private latents of size " + std::to_string(latent_.private_));
  for (std::size_t m = 0; m < encoders_.size(); ++m) {
    register_module("encoder_" + modalities_[m].name, encoders_[m]);
  }
  register_module("fusion", fusion_);
  register_module("prior", prior_);
  if (private_latents_) register_module("private", private_latents_);
  slot_starts_ = slot_starts(fusion_->context().slots, latent_.private_);
}

Batch MultimodalModel::laid_out(Batch batch) const {
  for (std::size_t m = 0; m < encoders_.size(); ++m) {
    at::Tensor& data = batch.data[m];
    if (data.dim() != 4) continue;
    data = data.contiguous(memory_format_of(*encoders_[m]));
  }
  return batch;
}

std::vector<Features> MultimodalModel::encode(const Batch& batch) {
  std::vector<Features> features(encoders_.size());
  side_by_side(encoders_.size(), [&](std::size_t m) {
    features[m] = encoders_[m]->encode(batch.data[m]);
  });
  return features;
}

Posterior MultimodalModel::fuse(const std::vector<Features>& features,
                                const at::Tensor& presence) {
  return fusion_->fuse(features, presence);
}

Likelihood MultimodalModel::decode(std::size_t modality,
                                   const at::Tensor& code) {
  const auto& slots = fusion_->context().slots;
  if (slot_starts_.empty()) {
    return encoders_[modality]->decode(code);
  }
  return encoders_[modality]->decode(
      code.narrow(1, slot_starts_[modality], slots[modality]));
}

Posterior MultimodalModel::private_posterior(std::size_t modality,
                                             const Features& features) {
  SHALAB_CHECK(private_latents_ != nullptr, "no private latents");
  return private_latents_->posterior(modality, features);
}

Posterior MultimodalModel::private_prior(std::int64_t rows) const {
  SHALAB_CHECK(private_latents_ != nullptr, "no private latents");
  return private_latents_->prior(rows);
}

std::vector<std::int64_t> MultimodalModel::feature_sizes() const {
  std::vector<std::int64_t> sizes;
  for (const auto& encoder : encoders_) {
    sizes.push_back(encoder->context().features);
  }
  return sizes;
}

void set_memory_format(torch::nn::Module& module, at::MemoryFormat format) {
  const at::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(parameter.contiguous(format));
    }
  }
}

at::MemoryFormat memory_format_of(const torch::nn::Module& module) {
  const auto parameters = module.parameters();
  const bool is_last = std::ranges::any_of(parameters, [](const auto& weight) {
    return weight.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  });
  return is_last ? at::MemoryFormat::ChannelsLast
                 : at::MemoryFormat::Contiguous;
}

bool has_convolutions(const torch::nn::Module& module) {
  const auto parameters = module.parameters();
  return std::ranges::any_of(
      parameters, [](const auto& parameter) { return parameter.dim() == 4; });
}

}  // namespace shalab
