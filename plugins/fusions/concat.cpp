// ShaLa's fusion: one MLP on the concatenated features of all modalities.

#include <ATen/ops/cat.h>

#include <numeric>

#include "shalab/fusion.h"
#include "shalab/nn/normal_head.h"

namespace shalab {
namespace {

class Concat final : public Fusion {
 public:
  Concat(const Settings& settings, const FusionContext& context)
      : Fusion(context),
        head_(settings,
              std::accumulate(context.features.begin(), context.features.end(),
                              std::int64_t{0}),
              context.latent) {
    register_module("head", head_);
  }

  std::string serves_what() const override { return "only the full set"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor& /*presence*/) override {
    std::vector<at::Tensor> parts;
    for (const Features& part : features) parts.push_back(part.shared);
    return head_->forward(at::cat(parts, 1));
  }

  bool do_serves(ModalitySubset subset) const override {
    return subset == ModalitySubset::all(context().modalities.size());
  }

 private:
  NormalHead head_;
};

std::shared_ptr<Fusion> make(const Settings& settings,
                             const FusionContext& context) {
  return std::make_shared<Concat>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(fusion, 1, "an MLP on the concatenated features (ShaLa)",
              shalab::declare_normal_head_fields, shalab::make)
