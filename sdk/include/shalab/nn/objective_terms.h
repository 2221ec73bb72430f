#pragma once
// Terms that several objectives share: likelihood weights, KL weight, private
// draws, log-likelihoods of what is present. Per sample, in nats, fp32.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "shalab/objective.h"

namespace shalab {

// Declares `likelihood_weights`: name:number items, or `auto`, which weighs
// modality m by max numel / numel of m, so that the smallest counts as much as
// the largest (Sutter et al. 2021); a name:number beside it overrides.
void declare_likelihood_weights(FieldList& fields);
// By modality. Error(usage) for an unknown name or a malformed item.
std::vector<double> likelihood_weights(
    const Settings& settings, const std::vector<ModalitySpec>& modalities);

// Declares `kl_weight` = 1 and `kl_warmup` = 0.
void declare_kl_weight(FieldList& fields);
// kl_weight, growing linearly from 0 over the first kl_warmup epochs.
class KlWeight {
 public:
  explicit KlWeight(const Settings& settings);
  double in_epoch(const HostNumber<double>& epoch) const;

 private:
  double weight_;
  double warmup_;
};

// KL(posterior || prior), [B]. rule: "analytic", the closed form; "components",
// the weighted mean of a mixture's closed forms (an upper bound, Sutter et al.
// 2021); "sampled", log q(z) - log p(z) at z [B, D], a draw of the posterior;
// "auto", the first of these that exists. Error(usage) where the one asked for
// does not.
at::Tensor kl_to_prior(const Posterior& posterior, const at::Tensor& z,
                       Prior& prior, const std::string& rule = "auto");

// The private latents of a step, each drawn from its own modality's posterior.
struct PrivateDraws {
  std::vector<at::Tensor> w;  // by modality [K, B, private]; empty = none
  at::Tensor kl;              // [B, M]: KL(q(w_m | x_m) || p(w_m)); undefined

  // cat(z, w_m) for z [K, B, D] or [B, D] where K = 1.
  at::Tensor code(const at::Tensor& z, std::size_t modality) const;
  // Sum of the KLs of the modalities in `presence` [..., M], broadcast over
  // [..., B, M]: [..., B]. Zero without private latents.
  at::Tensor kl_of(const at::Tensor& presence) const;
};
PrivateDraws draw_private(ModelView& model,
                          const std::vector<Features>& features,
                          std::int64_t num_samples, at::Generator& generator);

// log p(x_m | codes[m]) where `counts` says, 0 elsewhere: [M, K, B] for codes
// [K, B, C] of M modalities and bool `counts` that broadcasts to it. Each
// decoder is called once; modalities side by side.
at::Tensor log_likelihoods(ModelView& model, const Batch& batch,
                           const std::vector<at::Tensor>& codes,
                           const at::Tensor& counts);

// sum_m weights[m] x[m], [...] for x [M, ...].
at::Tensor weighted_sum(const at::Tensor& x,
                        const std::vector<double>& weights);

// "TERM.NAME" by modality from values [M].
using NamedTerms = std::vector<std::pair<std::string, at::Tensor>>;
void append_by_modality(NamedTerms& named, const std::string& term,
                        const std::vector<ModalitySpec>& modalities,
                        const at::Tensor& values);

// All modalities of each sample from one latent.
struct Fit {
  at::Tensor total;     // [B]: sum of log p(x_m | z, w_m) over the present
  at::Tensor weighted;  // [B]: the same with likelihood weights
  // Means over the batch, "log_likelihood.NAME".
  NamedTerms named;
};
// z [B, D]; `own` holds one draw (K = 1) or none.
Fit fit_of(ModelView& model, const Batch& batch, const at::Tensor& z,
           const PrivateDraws& own, const std::vector<double>& weights);

// q(z | x_m) for every modality, whatever the fusion, as one simple posterior
// of M * B rows, row m * B + b. Rows of absent modalities are finite and mean
// nothing. batch_presence [B, M] gives the sizes only.
Posterior unimodal_posteriors(ModelView& model,
                              const std::vector<Features>& features,
                              const at::Tensor& batch_presence);
// The presence that asks for them, bool [M, B, M].
at::Tensor singletons(const at::Tensor& batch_presence);
// The subsets that an objective with unimodal posteriors needs.
std::vector<ModalitySubset> all_singletons(std::size_t num_modalities);

}  // namespace shalab
