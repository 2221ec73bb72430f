#pragma once
// What decoders take: z, with private latents cat(z, w_m).

#include <ATen/core/Generator.h>

#include <vector>

#include "model/multimodal_model.h"

namespace shalab {

// The modalities whose private latents are inferred; nothing is seen where
// `features` is empty.
struct Seen {
  std::vector<Features> features;  // by modality
  at::Tensor presence;             // bool [B, M]: which count, row by row
  bool takes_mean = false;         // of q(w_m | x_m), instead of a draw
};

// w_m [B, P] by modality: from q(w_m | x_m) where seen, else w_m ~ p(w), scale
// 1. Empty without private latents, and then `generator` stays untouched.
// Gradient: none. [main]
std::vector<at::Tensor> private_codes(MultimodalModel& model, std::int64_t rows,
                                      const Seen& seen,
                                      at::Generator& generator);

// z [B, D], or cat(z, w_m) [B, D + P], for each decoder. One z feeds all.
std::vector<at::Tensor> joined_codes(const MultimodalModel& model,
                                     const at::Tensor& z,
                                     const std::vector<at::Tensor>& w);

// Both at once.
std::vector<at::Tensor> codes_of(MultimodalModel& model, const at::Tensor& z,
                                 const Seen& seen, at::Generator& generator);

}  // namespace shalab
