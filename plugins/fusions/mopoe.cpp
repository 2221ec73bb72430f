// Mixture over all non-empty subsets of the products of their experts (MoPoE,
// Sutter et al. 2021).

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/custom_function.h>

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

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Sums over each subset: members [S, M], x [M, T, B, D] -> [S, T * B, D].
at::Tensor subset_sums(const at::Tensor& members, const at::Tensor& x) {
  return members.mm(x.reshape({x.size(0), -1}))
      .view({members.size(0), -1, x.size(3)});
}

// Mean and log-variance of the products of each subset's experts, [S, T * B, D]
// each, from log_precision [M, T, B, D] (-inf where absent) and mean
// [M, 1, B, D]: with T_m = exp(log_precision_m), T = sum of T_m (+ 1 with the
// prior expert), mean = sum of T_m mean_m / T, log_var = -log T. Precisions are
// relative to the largest one present. A subset without any present modality
// becomes some finite product, as it weighs nothing.
//
// The gradients in closed form, so that few passes over S times the batch are
// made: d/d sum(T_m mean_m) = g_mean / T and d/d T = -(g_log_var + g_mean mean)
// / T are summed over the subsets of each modality.
class SubsetProducts : public torch::autograd::Function<SubsetProducts> {
 public:
  static variable_list forward(AutogradContext* context,
                               const at::Tensor& log_precision,
                               const at::Tensor& mean,
                               const at::Tensor& members,
                               const std::string& prior_expert) {
    const at::Tensor top = log_precision.amax(0);
    const at::Tensor precision = (log_precision - top).exp_();
    const at::Tensor flat_top = top.flatten(0, 1);
    const at::Tensor total = subset_sums(members, precision);
    if (prior_expert == "always") total.add_((-flat_top).exp_());
    if (prior_expert == "full_set") {
      total.select(0, -1).add_((-flat_top).exp_());
    }
    total.masked_fill_(total == 0, 1);
    const at::Tensor product_mean =
        subset_sums(members, precision * mean).div_(total);
    const at::Tensor log_var = total.log().add_(flat_top).neg_();
    context->save_for_backward({precision, mean, members, total, product_mean});
    return {product_mean, log_var};
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &precision = saved[0], &mean = saved[1];
    const at::Tensor &total = saved[3], &product_mean = saved[4];
    const at::Tensor to_sums = gradients[0] / total;
    const at::Tensor to_totals =
        at::addcmul(gradients[1], gradients[0], product_mean).div_(total);
    const at::Tensor of_subsets = saved[2].t();
    const auto by_modality = [&](const at::Tensor& g) {
      return of_subsets.mm(g.view({g.size(0), -1})).view(precision.sizes());
    };
    const at::Tensor g = by_modality(to_sums);
    const at::Tensor to_log_precision =
        (g * mean).sub_(by_modality(to_totals)).mul_(precision);
    const at::Tensor to_mean = (g * precision).sum(1, true);
    return {to_log_precision, to_mean, at::Tensor(), at::Tensor()};
  }
};

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
  Posterior products(const StackedExperts& stacked) const {
    const auto moments = SubsetProducts::apply(
        stacked.log_precision, stacked.mean, members_, prior_expert_);
    return Posterior::normal(moments[0].flatten(0, 1),
                             moments[1].flatten(0, 1));
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
