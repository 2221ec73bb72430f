// Slots of independent deterministic autoencoders, side by side (MLD,
// Bounoua et al. 2024): z = [y_1 .. y_M], y_m a linear map of h_m.

#include <ATen/ATen.h>

#include "shalab/error.h"
#include "shalab/fusion.h"
#include "shalab/nn/layers.h"

namespace shalab {
namespace {

class Slots final : public Fusion {
 public:
  explicit Slots(const FusionContext& context) : Fusion(context) {
    for (std::size_t m = 0; m < context.modalities.size(); ++m) {
      const std::string& name = context.modalities[m].name;
      if (m >= context.slots.size() || context.slots[m] == 0) {
        throw Error(ErrorKind::usage,
                    "[encoder." + name +
                        "] slot: fusion slots needs the size of this "
                        "modality's slot of z",
                    "set slot, alike for all in [encoder], so that the slots "
                    "add up to latent.shared = " +
                        std::to_string(context.latent));
      }
      heads_.push_back(register_module(
          name, nn::Linear(context.features[m], context.slots[m])));
    }
  }

  std::string serves_what() const override { return "every non-empty subset"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor& presence) override {
    std::vector<at::Tensor> slots;
    for (std::size_t m = 0; m < heads_.size(); ++m) {
      const at::Tensor is_present =
          presence.narrow(1, static_cast<std::int64_t>(m), 1);
      slots.push_back(
          at::where(is_present, heads_[m]->forward(features[m].shared), 0));
    }
    return Posterior::dirac(at::cat(slots, 1));
  }

  bool do_serves(ModalitySubset /*subset*/) const override { return true; }

 private:
  std::vector<nn::Linear> heads_;
};

void declare_fields(FieldList& /*fields*/) {}

std::shared_ptr<Fusion> make(const Settings& /*settings*/,
                             const FusionContext& context) {
  return std::make_shared<Slots>(context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(fusion, 1,
              "slots of independent deterministic autoencoders (MLD)",
              shalab::declare_fields, shalab::make)
