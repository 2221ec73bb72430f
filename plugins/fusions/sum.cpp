// ShaLa's ablation: one MLP on the sum of the features of all modalities.

#include <ATen/core/Tensor.h>

#include "shalab/error.h"
#include "shalab/fusion.h"
#include "shalab/nn/normal_head.h"

namespace shalab {
namespace {

std::int64_t common_size(const FusionContext& context) {
  std::string sizes;
  bool is_common = true;
  for (std::size_t m = 0; m < context.features.size(); ++m) {
    is_common = is_common && context.features[m] == context.features[0];
    sizes += (sizes.empty() ? "" : ", ") + context.modalities[m].name + " " +
             std::to_string(context.features[m]);
  }
  if (!is_common) {
    throw Error(ErrorKind::usage,
                "fusion sum adds features, but their sizes differ: " + sizes,
                "give every encoder the same features, or use fusion concat");
  }
  return context.features.at(0);
}

class Sum final : public Fusion {
 public:
  Sum(const Settings& settings, const FusionContext& context)
      : Fusion(context), head_(settings, common_size(context), context.latent) {
    register_module("head", head_);
  }

  std::string serves_what() const override { return "only the full set"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor& /*presence*/) override {
    at::Tensor total = features.front().shared;
    for (std::size_t m = 1; m < features.size(); ++m) {
      total = total + features[m].shared;
    }
    return head_->forward(total);
  }

  bool do_serves(ModalitySubset subset) const override {
    return subset == ModalitySubset::all(context().modalities.size());
  }

 private:
  NormalHead head_;
};

std::shared_ptr<Fusion> make(const Settings& settings,
                             const FusionContext& context) {
  return std::make_shared<Sum>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(fusion, 1, "an MLP on the sum of the features (ShaLa's ablation)",
              shalab::declare_normal_head_fields, shalab::make)
