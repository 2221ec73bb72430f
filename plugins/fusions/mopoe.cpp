// Mixture over all non-empty subsets of the products of their experts (MoPoE,
// Sutter et al. 2021).

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <limits>

#include "shalab/error.h"
#include "shalab/nn/experts.h"

namespace shalab {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();
constexpr std::size_t kMaxModalities = 12;

// [S, M] of zeros and ones, S = 2^M - 1; row s holds the bits of s + 1.
at::Tensor all_subsets(std::size_t num_modalities) {
  const auto count = static_cast<std::int64_t>(num_modalities);
  const at::Tensor bits = at::arange(count);
  const at::Tensor subset = at::arange(1, std::int64_t{1} << count);
  return subset.unsqueeze(1).bitwise_right_shift(bits).bitwise_and(1).to(
      at::kFloat);
}

Posterior::Choice choice_of(const Settings& settings) {
  return settings.text("choice") == "random" ? Posterior::Choice::independent
                                             : Posterior::Choice::stratified;
}

class MoPoe final : public Fusion {
 public:
  MoPoe(const Settings& settings, const FusionContext& context)
      : Fusion(context),
        prior_expert_(settings.text("prior_expert")),
        choice_(choice_of(settings)),
        members_(all_subsets(checked_count(context))),
        experts_(ExpertOptions{}, context) {
    register_module("experts", experts_);
  }

  std::string serves_what() const override { return "every non-empty subset"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor& presence) override {
    const StackedExperts stacked(experts_->forward(features), presence);
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(
        c10::autocast_dispatch_keyset);
    members_ = members_.to(stacked.log_precision.options());
    return Posterior::mixture_of_rows(log_weights(presence), products(stacked),
                                      choice_);
  }

  bool do_serves(ModalitySubset /*subset*/) const override { return true; }
  bool repeats_rows() const override { return true; }

 private:
  static std::size_t checked_count(const FusionContext& context) {
    const std::size_t count = context.modalities.size();
    if (count <= kMaxModalities) return count;
    throw Error(ErrorKind::usage,
                "fusion mopoe: " + std::to_string(count) +
                    " modalities have 2^" + std::to_string(count) +
                    " - 1 products; at most " + std::to_string(kMaxModalities) +
                    " modalities can be fused",
                "use fusion poe or moe, whose cost grows with M only");
  }

  // The products of all S subsets as rows [S * R, D], R rows of presence.
  // Precisions are sums relative to the largest one present. A subset without
  // any present modality becomes some finite product, as it weighs nothing.
  Posterior products(const StackedExperts& stacked) const {
    const at::Tensor top = stacked.log_precision.amax(0).detach();
    const at::Tensor precision = (stacked.log_precision - top).exp();
    const at::Tensor flat_top = top.flatten(0, 1);
    at::Tensor total = sums(precision);
    if (prior_expert_ != "never") {
      total = total + prior_share() * (-flat_top).exp();
    }
    total = at::where(total > 0, total, 1);
    const at::Tensor mean = sums(precision * stacked.mean) / total;
    const at::Tensor log_var = -(total.log() + flat_top);
    return Posterior::normal(mean.flatten(0, 1), log_var.flatten(0, 1));
  }

  // x [M, T, B, D] -> sums over each subset, [S, T * B, D].
  at::Tensor sums(const at::Tensor& x) const {
    return members_.mm(x.reshape({x.size(0), -1}))
        .view({members_.size(0), -1, x.size(3)});
  }

  // 1 for the subsets with the prior expert, 0 for others: [S, 1, 1].
  at::Tensor prior_share() const {
    const at::Tensor is_full = members_.all(1);
    const at::Tensor share =
        prior_expert_ == "always" ? at::ones_like(is_full) : is_full;
    return share.to(members_.scalar_type()).view({-1, 1, 1});
  }

  // Uniform over the subsets of what is present, [S, R]; at inference only the
  // product of all that is present where that is not everything.
  at::Tensor log_weights(const at::Tensor& presence) const {
    const at::Tensor present = presence.t().to(members_.scalar_type());
    at::Tensor is_chosen = members_.mm(1 - present) == 0;
    if (!is_training()) {
      const at::Tensor is_all =
          members_.sum(1).unsqueeze(1) == present.sum(0).unsqueeze(0);
      is_chosen = is_chosen.logical_and(is_all.logical_or(presence.all(1)));
    }
    const at::Tensor count = is_chosen.sum(0).to(members_.scalar_type());
    return at::where(is_chosen, -count.log(), kMinusInfinity);
  }

  std::string prior_expert_;
  Posterior::Choice choice_;
  at::Tensor members_;  // [S, M]
  Experts experts_;
};

void declare_fields(FieldList& fields) {
  declare_prior_expert_field(fields, "full_set");
  fields.choice("choice", "partition", {"partition", "random"},
                "which subset's product gives a draw: the batch is split "
                "evenly over them at random, or each sample chooses alone");
}

std::shared_ptr<Fusion> make(const Settings& settings,
                             const FusionContext& context) {
  return std::make_shared<MoPoe>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(fusion, 1,
              "the mixture of the products of all subsets' experts (MoPoE)",
              shalab::declare_fields, shalab::make)
