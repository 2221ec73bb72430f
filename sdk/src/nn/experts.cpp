#include "shalab/nn/experts.h"

#include <ATen/ATen.h>

#include <limits>

namespace shalab {

namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// [B, T, D] -> [T * B, D]
at::Tensor by_subset(const at::Tensor& x) {
  return x.transpose(0, 1).flatten(0, 1);
}

}  // namespace

ExpertsImpl::ExpertsImpl(const ExpertOptions& options,
                         const FusionContext& context) {
  for (std::size_t m = 0; m < context.modalities.size(); ++m) {
    heads_.push_back(register_module(
        context.modalities[m].name,
        ExpertHead(options, context.features[m], context.latent)));
  }
}

ExpertsImpl::~ExpertsImpl() = default;

std::vector<Posterior> ExpertsImpl::forward(
    const std::vector<Features>& features) {
  std::vector<Posterior> experts;
  for (std::size_t m = 0; m < heads_.size(); ++m) {
    experts.push_back(heads_[m]->forward(features[m].shared));
  }
  return experts;
}

StackedExperts::StackedExperts(const std::vector<Posterior>& experts,
                               const at::Tensor& presence) {
  std::vector<at::Tensor> means;
  std::vector<at::Tensor> log_vars;
  for (const Posterior& expert : experts) {
    means.push_back(expert.mean());
    log_vars.push_back(expert.log_var());
  }
  const auto count = static_cast<std::int64_t>(experts.size());
  const std::int64_t batch = means.front().size(0);
  mean = at::stack(means).unsqueeze(1);
  const at::Tensor is_present = presence.t().reshape({count, -1, batch, 1});
  log_precision =
      at::where(is_present, -at::stack(log_vars).unsqueeze(1), kMinusInfinity);
}

void declare_prior_expert_field(FieldList& fields, const std::string& value) {
  fields.choice("prior_expert", value, {"never", "always", "full_set"},
                "products that include the expert N(0, I): none, all, or only "
                "that of all modalities");
}

Posterior product_of_experts(const std::vector<Posterior>& experts,
                             const at::Tensor& presence,
                             const std::string& prior_expert) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(
      c10::autocast_dispatch_keyset);
  std::vector<at::Tensor> means, log_vars;
  for (const Posterior& expert : experts) {
    means.push_back(expert.mean());
    log_vars.push_back(expert.log_var());
  }
  const at::Tensor mean = at::stack(means, 1);  // [B, M, D]
  const at::Tensor log_precision = -at::stack(log_vars, 1);
  const bool has_prior = prior_expert != "never";
  at::Tensor top = log_precision.detach().amax(1, true);
  if (has_prior) top = top.clamp_min(0);
  const at::Tensor precision = (log_precision - top).exp();
  const at::Tensor is_present =
      presence.reshape({-1, mean.size(0), mean.size(1)}).transpose(0, 1);
  const at::Tensor members = is_present.to(mean.scalar_type());
  at::Tensor total = members.bmm(precision);
  if (has_prior) {
    const at::Tensor prior_precision = (-top).exp();
    total = total + (prior_expert == "full_set"
                         ? prior_precision * is_present.all(2, true)
                         : prior_precision);
  }
  at::Tensor product_mean = members.bmm(precision * mean) / total;
  at::Tensor log_total = total.log() + top;
  if (!has_prior) {
    const at::Tensor is_alone = members.sum(2, true) == 1;
    product_mean = at::where(is_alone, members.bmm(mean), product_mean);
    log_total = at::where(is_alone, members.bmm(log_precision), log_total);
  }
  return Posterior::normal(by_subset(product_mean), by_subset(-log_total));
}

}  // namespace shalab
