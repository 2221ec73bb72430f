#pragma once
// The head of one expert: features -> a factorised posterior.

#include <torch/nn/module.h>

#include <string>

#include "shalab/fields.h"
#include "shalab/nn/layers.h"
#include "shalab/posterior.h"

namespace shalab {

// family: "normal" or "laplace". scale, how the raw output becomes a scale:
//   "log_var"   normal only: log_var = raw (MVAE, MoPoE, MVTCAE)
//   "softplus"  softplus(raw) + 1e-6 (MMVAE on CUB)
//   "softmax"   D * softmax(raw) + 1e-6, so that the mean scale over the
//               dimensions is 1 (MMVAE, MMVAE+ and CMVAE on digits)
// The scale is the standard deviation (normal) or b (laplace).
struct ExpertOptions {
  std::string family = "normal";
  std::string scale = "log_var";
};

// Declares the keys `family` and `scale` of a fusion with expert heads.
void declare_expert_fields(FieldList& fields);
// Error(usage) for laplace with log_var.
ExpertOptions expert_options(const Settings& settings);
// For other keys of the same meaning; `where` names them in the error.
ExpertOptions checked(ExpertOptions options, const std::string& where);

// [B, in] -> Posterior [B, D], computed in fp32; log_var clamped to [-12, 8]
// (no gradient beyond). Two linear layers side by side, one for the location
// and one for the raw scale.
class ExpertHeadImpl : public torch::nn::Module {
 public:
  ExpertHeadImpl(const ExpertOptions& options, std::int64_t in,
                 std::int64_t latent);
  ~ExpertHeadImpl() override;

  Posterior forward(const at::Tensor& features);

 private:
  ExpertOptions options_;
  nn::Linear location_;
  nn::Linear scale_;
};
TORCH_MODULE(ExpertHead);

}  // namespace shalab
