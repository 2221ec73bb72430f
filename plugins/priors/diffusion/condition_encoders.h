#pragma once
// What one modality says to the denoiser: [B, ...] -> [B, W].

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "shalab/modality.h"

namespace shalab::diffusion {

class ConditionEncoder : public torch::nn::Module {
 public:
  // Features [B, H], or data as in Batch::data.
  virtual at::Tensor forward(const at::Tensor& x) = 0;
};

// Linear H -> W of the (standardised) features.
std::shared_ptr<ConditionEncoder> make_feature_projection(std::int64_t features,
                                                          std::int64_t width);

// Own small encoder of x: three strided convolutions for an image, embedding
// and MLP for tokens, MLP for a vector.
std::shared_ptr<ConditionEncoder> make_data_encoder(
    const ModalitySpec& modality, std::int64_t width);

}  // namespace shalab::diffusion
