#pragma once
// The experts q(z | x_m) of all modalities, and products of them.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <vector>

#include "shalab/fusion.h"
#include "shalab/nn/expert_head.h"

namespace shalab {

// One ExpertHead per modality, registered under its name.
class ExpertsImpl : public torch::nn::Module {
 public:
  ExpertsImpl(const ExpertOptions& options, const FusionContext& context);
  ~ExpertsImpl() override;

  // The unimodal posteriors [B, D], by modality.
  std::vector<Posterior> forward(const std::vector<Features>& features);

 private:
  std::vector<ExpertHead> heads_;
};
TORCH_MODULE(Experts);

// Normal experts as tensors that broadcast over T subsets of the B samples.
struct StackedExperts {
  // experts of [B, D] each; presence [T * B, M].
  StackedExperts(const std::vector<Posterior>& experts,
                 const at::Tensor& presence);

  at::Tensor mean;           // [M, 1, B, D]
  at::Tensor log_precision;  // [M, T, B, D]; -inf where absent
};

// Which products include the prior expert N(0, I): `prior_expert` = never,
// always, or full_set (only where all M modalities are present).
void declare_prior_expert_field(FieldList& fields, const std::string& value);

// Product of the normal experts that are present in each row of presence
// [T * B, M], computed from logarithms of precisions: precision T = sum T_m,
// mean = sum T_m mean_m / T (Hinton 2002; Wu and Goodman 2018). One expert
// alone is itself. Gradient: none to absent experts.
Posterior product_of_experts(const std::vector<Posterior>& experts,
                             const at::Tensor& presence,
                             const std::string& prior_expert);

}  // namespace shalab
