#pragma once
// The networks of a run's first stage, as its objective and generators see
// them.

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "model/private_latents.h"
#include "shalab/encoder.h"
#include "shalab/fusion.h"
#include "shalab/objective.h"
#include "shalab/prior.h"

namespace shalab {

struct LatentSizes {
  std::int64_t shared = 0;    // D
  std::int64_t private_ = 0;  // of each modality
};

// Encoders by modality, a fusion and a training prior, composed by value
// types: features -> posterior -> latent -> likelihood. Holds no reference to
// data, objective or files.
class MultimodalModel : public torch::nn::Module, public ModelView {
 public:
  // `private_latents` is null where latent.private_ is 0.
  MultimodalModel(std::vector<ModalitySpec> modalities, LatentSizes latent,
                  std::vector<std::shared_ptr<Encoder>> encoders,
                  std::shared_ptr<Fusion> fusion, std::shared_ptr<Prior> prior,
                  std::shared_ptr<PrivateLatents> private_latents = nullptr);

  const std::vector<ModalitySpec>& modalities() const override {
    return modalities_;
  }
  // The batch with pictures [B, C, H, W] in the memory format of their
  // networks' weights, which encoder and likelihood would both bring about.
  Batch laid_out(Batch batch) const;
  std::vector<Features> encode(const Batch& batch) override;
  Posterior fuse(const std::vector<Features>& features,
                 const at::Tensor& presence) override;
  // Where the fusion has slots, decoder m meets its own columns of z only.
  Likelihood decode(std::size_t modality, const at::Tensor& code) override;
  Prior& prior() override { return *prior_; }
  bool serves(ModalitySubset subset) const override {
    return fusion_->serves(subset);
  }
  std::int64_t private_size() const override { return latent_.private_; }
  Posterior private_posterior(std::size_t modality,
                              const Features& features) override;
  Posterior private_prior(std::int64_t rows) const override;

  Encoder& encoder(std::size_t modality) { return *encoders_[modality]; }
  const Fusion& fusion() const { return *fusion_; }
  std::shared_ptr<Prior> shared_prior() const { return prior_; }
  const LatentSizes& latent() const { return latent_; }
  std::vector<std::int64_t> feature_sizes() const;

 private:
  std::vector<ModalitySpec> modalities_;
  LatentSizes latent_;
  std::vector<std::shared_ptr<Encoder>> encoders_;
  std::shared_ptr<Fusion> fusion_;
  std::shared_ptr<Prior> prior_;
  std::shared_ptr<PrivateLatents> private_latents_;
  std::vector<std::int64_t> slot_starts_;
};

// Puts 4-d weights in that order; pictures follow them (nn/layout.h). Before an
// optimiser holds the weights.
void set_memory_format(torch::nn::Module& module, at::MemoryFormat format);
// Channels last where any 4-d weight is, else contiguous.
at::MemoryFormat memory_format_of(const torch::nn::Module& module);
// Is there a 4-d weight?
bool has_convolutions(const torch::nn::Module& module);

}  // namespace shalab
