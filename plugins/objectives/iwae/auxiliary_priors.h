#pragma once
// MMVAE+'s r_m(w) (Palumbo et al. 2023): where a target's private code comes
// from in training when z is another modality's.

#include <torch/nn/module.h>

#include <string>

#include "shalab/posterior.h"

namespace shalab::iwae {

// r_m(w) = family(0, s_m) for each of M modalities, s_m [P] learned from a raw
// parameter that starts at 0. `scale`: softmax (P * softmax(raw) + 1e-6),
// softplus (softplus(raw) + 1e-6) or log_var (exp(raw / 2)).
class AuxiliaryPriorsImpl : public torch::nn::Module {
 public:
  AuxiliaryPriorsImpl(std::int64_t num_modalities, std::int64_t size,
                      std::string scale);

  // Draws w of r_m with leading dimensions `shape`: [shape..., P]. Gradient:
  // to the scale.
  at::Tensor rsample(std::int64_t modality, Posterior::Family family,
                     const std::vector<std::int64_t>& shape,
                     at::Generator& generator);

 private:
  at::Tensor scale_of(std::int64_t modality) const;  // [1, P]

  std::string rule_;
  at::Tensor raw_;  // [M, P]
};
TORCH_MODULE(AuxiliaryPriors);

}  // namespace shalab::iwae
