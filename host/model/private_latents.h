#pragma once
// Private latents w_m: what one modality keeps to itself beside z.

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "shalab/batch.h"
#include "shalab/nn/expert_head.h"
#include "shalab/posterior.h"

namespace shalab {

struct PrivateOptions {
  std::int64_t size = 0;  // P, columns of each w_m
  ExpertOptions expert;   // family of q(w_m | x_m) and p(w_m)
};

// q(w_m | x_m): an expert head of each modality on its private features, and
// p(w_m), the standard distribution of the same family (Palumbo et al. 2023).
class PrivateLatents : public torch::nn::Module {
 public:
  // names and columns of Features::private_ by modality. Randomness: initial
  // weights from the default generator.
  PrivateLatents(const PrivateOptions& options,
                 const std::vector<std::string>& names,
                 const std::vector<std::int64_t>& features);

  std::int64_t size() const { return options_.size; }
  // q(w_m | x_m) [B, P]. Gradient: to the head and the features. Error(run)
  // for an encoder without private features.
  Posterior posterior(std::size_t modality, const Features& features);
  // p(w): location 0, scale 1, [rows, P]; on the heads' device.
  Posterior prior(std::int64_t rows) const;

 private:
  PrivateOptions options_;
  std::vector<ExpertHead> heads_;
};

}  // namespace shalab
