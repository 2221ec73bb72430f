// Uniform mixture of the experts that are present (MMVAE, Shi et al. 2019;
// mmJSD, MMVAE+, CMVAE).

#include <ATen/ATen.h>

#include <limits>

#include "shalab/nn/experts.h"

namespace shalab {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

class Moe final : public Fusion {
 public:
  Moe(const Settings& settings, const FusionContext& context)
      : Fusion(context), experts_(expert_options(settings), context) {
    register_module("experts", experts_);
  }

  std::string serves_what() const override { return "every non-empty subset"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor& presence) override {
    const std::int64_t times =
        presence.size(0) / features.front().shared.size(0);
    std::vector<Posterior> experts;
    for (const Posterior& expert : experts_->forward(features)) {
      experts.push_back(expert.repeated(times));
    }
    const at::Tensor log_share = -presence.sum(1).to(at::kFloat).log();
    return Posterior::mixture(
        at::where(presence.t(), log_share, kMinusInfinity), std::move(experts));
  }

  bool do_serves(ModalitySubset /*subset*/) const override { return true; }
  bool repeats_rows() const override { return true; }

 private:
  Experts experts_;
};

std::shared_ptr<Fusion> make(const Settings& settings,
                             const FusionContext& context) {
  return std::make_shared<Moe>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(fusion, 1,
              "the uniform mixture of experts, normal or laplace (MMVAE, "
              "mmJSD, MMVAE+, CMVAE)",
              shalab::declare_expert_fields, shalab::make)
