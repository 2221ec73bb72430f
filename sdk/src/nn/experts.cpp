#include "shalab/nn/experts.h"

#include <ATen/ATen.h>

#include <limits>

namespace shalab {

namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// log precision of N(0, I) where it takes part, [1, T, B, D].
at::Tensor prior_row(const at::Tensor& log_precision,
                     const at::Tensor& presence, bool only_in_full_set) {
  const at::Tensor zero = at::zeros_like(log_precision.narrow(0, 0, 1));
  if (!only_in_full_set) return zero;
  const at::Tensor is_full = presence.all(1).view(
      {1, log_precision.size(1), log_precision.size(2), 1});
  return at::where(is_full, zero, kMinusInfinity);
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
  const StackedExperts stacked(experts, presence);
  at::Tensor terms = stacked.log_precision;
  if (prior_expert != "never") {
    terms = at::cat(
        {terms, prior_row(terms, presence, prior_expert == "full_set")});
  }
  const at::Tensor log_precision = at::logsumexp(terms, 0);
  const at::Tensor weights = (stacked.log_precision - log_precision).exp();
  const at::Tensor mean = (weights * stacked.mean).sum(0);
  return Posterior::normal(mean.flatten(0, 1), -log_precision.flatten(0, 1));
}

}  // namespace shalab
