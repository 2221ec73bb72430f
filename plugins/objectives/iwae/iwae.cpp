// The importance-weighted bound over single-modality sources: MMVAE (Shi et
// al. 2019, the looser form), with private latents MMVAE+ (Palumbo et al.
// 2023). For each source r and draw k, z_rk ~ q(z | x_r):
//
//   log w = sum_m lambda_m log p(x_m | z, w_m) + beta [ log p(z)
//           - log 1/|S| sum_m q(z | x_m) + log p(w_r) - log q(w_r | x_r) ]
//
// over the modalities S present in a sample; w_r ~ q(w_r | x_r), other targets
// take w_m from an auxiliary prior, which has no density term. The bound is
// the mean over sources of log 1/K sum_k w.
//
// dreg cuts the posteriors off in log w and multiplies the gradient at z and w
// by the normalised weight once more (Tucker et al. 2019). That is the bound's
// gradient where one modality is present. Where several are, the mixture cut
// off is not what z was drawn from, and it is an approximation, as published.

#include <ATen/ATen.h>

#include <cmath>
#include <iterator>
#include <limits>

#include "auxiliary_priors.h"
#include "shalab/nn/objective_terms.h"
#include "shalab/objective.h"

namespace shalab::iwae {
namespace {

constexpr double kAbsent = -std::numeric_limits<double>::infinity();

void declare_fields(FieldList& fields) {
  fields.choice("estimator", "iwae", {"elbo", "iwae", "dreg"},
                "elbo: mean of log w over the draws; iwae: log of the mean of "
                "w; dreg: iwae's value with the doubly reparameterised "
                "gradient");
  fields.integer("num_samples", 1, "K, draws from each source").at_least(1);
  fields
      .real("kl_weight", 1.0,
            "factor on the priors' and posteriors' densities within log w")
      .at_least(0);
  declare_likelihood_weights(fields);
  fields.choice("auxiliary_scale", "softmax",
                {"softmax", "softplus", "log_var"},
                "with private latents: how the raw parameter of an auxiliary "
                "prior becomes its scale; take the rule of private_scale");
}

// What a step draws from the sources.
struct Draws {
  Posterior shared;                 // q(z | x_r), row r * B + b
  std::vector<Posterior> private_;  // q(w_r | x_r); empty without
  at::Tensor z;                     // [K, M, B, D]
  at::Tensor w;                     // [K, M, B, P]; undefined without
};

// log of the mean of q(z | x_m) over the modalities m present, [K, M, B].
at::Tensor mixture_log_prob(const Posterior& unimodal,
                            const at::Tensor& presence, const at::Tensor& z) {
  const at::Tensor log_share = -presence.sum(1).to(z.scalar_type()).log();
  const at::Tensor log_weights = at::where(presence.t(), log_share, kAbsent);
  return Posterior::mixture_of_rows(log_weights, unimodal).log_prob(z);
}

// log q(w_r | x_r) of each source's own draws, [K, M, B].
at::Tensor own_log_prob(const std::vector<Posterior>& posteriors,
                        const at::Tensor& w, bool is_cut) {
  std::vector<at::Tensor> parts;
  for (std::size_t r = 0; r < posteriors.size(); ++r) {
    const Posterior& own = posteriors[r];
    parts.push_back((is_cut ? own.detached() : own)
                        .log_prob(w.select(1, static_cast<std::int64_t>(r))));
  }
  return at::stack(parts, 1);
}

// Mean over the sources present in each sample, then over samples: [...] for
// x [..., M, B].
at::Tensor over_sources(const at::Tensor& x, const at::Tensor& presence) {
  const at::Tensor sum = at::where(presence.t(), x, 0).sum(-2);
  return (sum / presence.sum(1)).mean(-1);
}

void scale_gradient(const at::Tensor& draws, const at::Tensor& share) {
  if (!draws.defined() || !draws.requires_grad()) return;
  const at::Tensor factor = share.unsqueeze(-1);
  draws.register_hook(
      [factor](const at::Tensor& gradient) { return gradient * factor; });
}

class Iwae final : public Objective {
 public:
  Iwae(const Settings& settings, const ObjectiveContext& context)
      : Objective(context),
        estimator_(settings.text("estimator")),
        num_samples_(settings.integer("num_samples")),
        kl_weight_(settings.real("kl_weight")),
        weights_(likelihood_weights(settings, context.modalities)) {
    if (context.private_latent > 0) {
      auxiliary_ = register_module(
          "auxiliary", AuxiliaryPriors(std::ssize(context.modalities),
                                       context.private_latent,
                                       settings.text("auxiliary_scale")));
    }
  }

  std::vector<ModalitySubset> needed_subsets() const override {
    return all_singletons(context().modalities.size());
  }

 protected:
  Terms do_terms(ModelView& model, const Batch& batch,
                 const StepInfo& info) override {
    const Draws draws = draw(model, batch, info.generator);
    Terms terms;
    at::Tensor log_weight = densities(terms, model, batch, draws);
    const at::Tensor fits = fits_of(model, batch, draws, info.generator);
    log_weight = log_weight + weighted_sum(fits, weights_);
    append_by_modality(terms.named, "log_likelihood", context().modalities,
                       over_sources(fits.detach().mean(1), batch.presence));
    const at::Tensor bound =
        over_sources(reduced(log_weight, draws), batch.presence);
    terms.named.emplace_back("bound", bound);
    terms.loss = -bound;
    return terms;
  }

 private:
  Draws draw(ModelView& model, const Batch& batch,
             at::Generator& generator) const {
    const std::vector<Features> features = model.encode(batch);
    Draws draws{
        unimodal_posteriors(model, features, batch.presence), {}, {}, {}};
    draws.z = draws.shared.rsample(num_samples_, generator)
                  .unflatten(1, {batch.presence.size(1), batch.size()});
    if (auxiliary_.is_empty()) return draws;
    std::vector<at::Tensor> w;
    for (std::size_t m = 0; m < features.size(); ++m) {
      draws.private_.push_back(model.private_posterior(m, features[m]));
      w.push_back(draws.private_[m].rsample(num_samples_, generator));
    }
    draws.w = at::stack(w, 1);
    return draws;
  }

  // beta times the densities of log w, [K, M, B], and their names.
  at::Tensor densities(Terms& terms, ModelView& model, const Batch& batch,
                       const Draws& draws) const {
    const bool is_cut = estimator_ == "dreg";
    const Posterior shared = is_cut ? draws.shared.detached() : draws.shared;
    at::Tensor kl = mixture_log_prob(shared, batch.presence, draws.z) -
                    model.prior().log_prob(draws.z);
    terms.named.emplace_back("kl", over_sources(kl.mean(0), batch.presence));
    if (draws.private_.empty()) return -kl_weight_ * kl;
    const at::Tensor private_kl =
        own_log_prob(draws.private_, draws.w, is_cut) -
        model.private_prior(batch.size()).log_prob(draws.w);
    terms.named.emplace_back("private_kl",
                             over_sources(private_kl.mean(0), batch.presence));
    return -kl_weight_ * (kl + private_kl);
  }

  // Codes of all sources' draws for one target, [K, M, B, D + P].
  at::Tensor code_of(std::size_t target, const Draws& draws,
                     at::Generator& generator) {
    if (draws.private_.empty()) return draws.z;
    const auto own = static_cast<std::int64_t>(target);
    const std::vector<std::int64_t> shape = {
        draws.z.size(0), draws.z.size(1) - 1, draws.z.size(2)};
    const at::Tensor others = auxiliary_->rsample(
        own, draws.private_[target].family(), shape, generator);
    const at::Tensor w =
        at::cat({others.slice(1, 0, own), draws.w.slice(1, own, own + 1),
                 others.slice(1, own)},
                1);
    return at::cat({draws.z, w}, -1);
  }

  // log p(x_m | .) under every source's draws, [M, K, M, B], targets first; 0
  // where a target is absent.
  at::Tensor fits_of(ModelView& model, const Batch& batch, const Draws& draws,
                     at::Generator& generator) {
    std::vector<at::Tensor> codes;
    for (std::size_t m = 0; m < batch.data.size(); ++m) {
      codes.push_back(code_of(m, draws, generator).flatten(0, 1));
    }
    return log_likelihoods(model, batch, codes, batch.presence.t().unsqueeze(1))
        .unflatten(1, {draws.z.size(0), draws.z.size(1)});
  }

  // The bound of each source and sample, [M, B], from log w [K, M, B].
  at::Tensor reduced(const at::Tensor& log_weight, const Draws& draws) const {
    if (estimator_ == "elbo") return log_weight.mean(0);
    const auto num_samples = static_cast<double>(num_samples_);
    const at::Tensor bound =
        at::logsumexp(log_weight, 0) - std::log(num_samples);
    if (estimator_ == "iwae") return bound;
    const at::Tensor share = at::softmax(log_weight.detach(), 0);
    scale_gradient(draws.z, share);
    scale_gradient(draws.w, share);
    const at::Tensor surrogate = (share * log_weight).sum(0);
    return bound.detach() + surrogate - surrogate.detach();
  }

  std::string estimator_;
  std::int64_t num_samples_;
  double kl_weight_;
  std::vector<double> weights_;
  AuxiliaryPriors auxiliary_{nullptr};
};

std::shared_ptr<Objective> make(const Settings& settings,
                                const ObjectiveContext& context) {
  return std::make_shared<Iwae>(settings, context);
}

}  // namespace
}  // namespace shalab::iwae

using shalab::iwae::declare_fields;
using shalab::iwae::make;
SHALAB_PLUGIN(objective, 1,
              "the importance-weighted bound over single-modality sources "
              "(MMVAE, MMVAE+, CMVAE)",
              declare_fields, make)
