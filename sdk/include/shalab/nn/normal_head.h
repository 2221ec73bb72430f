#pragma once
// An MLP that ends in a diagonal normal posterior.

#include <torch/nn/module.h>

#include "shalab/fields.h"
#include "shalab/nn/mlp.h"
#include "shalab/posterior.h"

namespace shalab {

// Declares hidden, layers, activation and init of a NormalHead.
void declare_normal_head_fields(FieldList& fields);

// [B, in] -> N(mean, exp(log_var)), both [B, D], computed in fp32 with
// log_var clamped to [-12, 8] (no gradient beyond). ShaLa's fusion network is
// this on the concatenated features, 4 linear layers.
class NormalHeadImpl : public torch::nn::Module {
 public:
  NormalHeadImpl(const Settings& settings, std::int64_t in,
                 std::int64_t latent);
  ~NormalHeadImpl() override;

  Posterior forward(const at::Tensor& features);

 private:
  Mlp mlp_;
};
TORCH_MODULE(NormalHead);

}  // namespace shalab
