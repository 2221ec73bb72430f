// Product of normal experts: MVAE (Wu and Goodman 2018) with the prior expert
// always, MVTCAE (Hwang et al. 2021) without one.

#include <ATen/core/Tensor.h>

#include "shalab/nn/experts.h"

namespace shalab {
namespace {

class Poe final : public Fusion {
 public:
  Poe(const Settings& settings, const FusionContext& context)
      : Fusion(context),
        prior_expert_(settings.text("prior_expert")),
        experts_(ExpertOptions{}, context) {
    register_module("experts", experts_);
  }

  std::string serves_what() const override { return "every non-empty subset"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor& presence) override {
    return product_of_experts(experts_->forward(features), presence,
                              prior_expert_);
  }

  bool do_serves(ModalitySubset /*subset*/) const override { return true; }
  bool repeats_rows() const override { return true; }

 private:
  std::string prior_expert_;
  Experts experts_;
};

void declare_fields(FieldList& fields) {
  declare_prior_expert_field(fields, "always");
}

std::shared_ptr<Fusion> make(const Settings& settings,
                             const FusionContext& context) {
  return std::make_shared<Poe>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(fusion, 1, "the product of normal experts (MVAE, MVTCAE)",
              shalab::declare_fields, shalab::make)
