// CMVAE's prior (Palumbo et al. 2024): p(z) = sum_c pi_c p(z | c), with
// p(z | c) of scale 1 around a learned mean.
//
// log p(z) is computed by logsumexp. The paper's sum over q(c | z) of
// log p(z | c) + log pi_c - log q(c | z) has the same value, as q(c | z) is
// the exact posterior.

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "pruning.h"
#include "shalab/error.h"
#include "shalab/prior.h"

namespace shalab::cluster {
namespace {

constexpr std::int64_t kRowsAtOnce = 4096;

void declare_fields(FieldList& fields) {
  fields.integer("components", 40, "clusters at the start").at_least(1);
  fields.choice("family", "laplace", {"laplace", "normal"},
                "distribution within a cluster; take the posterior's");
  fields
      .real("init_range", 1.0,
            "the clusters' means start uniformly in plus or minus this")
      .more_than(0);
  fields.flag("prune", true,
              "whether clusters are dropped after training, by the penalised "
              "normalised entropy on the validation split: a majority vote of "
              "the single modalities where the fusion serves them, else on "
              "the pooled latents");
  fields
      .real("entropy_weight", 1.0,
            "factor on the entropy in that criterion; the paper takes the "
            "objective's kl_weight")
      .at_least(0);
}

struct Options {
  std::int64_t components = 40;
  bool is_laplace = true;
  double init_range = 1.0;
  bool prunes = true;
  double entropy_weight = 1.0;
};

Options options_of(const Settings& settings) {
  Options options;
  options.components = settings.integer("components");
  options.is_laplace = settings.text("family") == "laplace";
  options.init_range = settings.real("init_range");
  options.prunes = settings.flag("prune");
  options.entropy_weight = settings.real("entropy_weight");
  return options;
}

class Cluster final : public Prior {
 public:
  Cluster(const Options& options, const PriorContext& context)
      : Prior(context), options_(options) {
    const std::int64_t count = options.components;
    logits_ = register_parameter("logits", at::zeros({count}));
    means_ = register_parameter(
        "means", at::empty({count, context.latent})
                     .uniform_(-options.init_range, options.init_range));
    is_kept_ = register_buffer("survivors", at::ones({count}, at::kBool));
  }

  PriorTraits traits() const override {
    PriorTraits traits;
    traits.density = PriorTraits::Density::normalised;
    traits.fitting = PriorTraits::Fitting::with_model;
    return traits;
  }

  std::string generation(bool /*conditional*/) const override {
    return "exact clusters=" + std::to_string(is_kept_.sum().item<int>());
  }

  void finish(const ValidationLatents& latents) override {
    if (!options_.prunes || !latents.pooled.defined()) return;
    const at::NoGradGuard no_grad;
    is_kept_.copy_(survivors_of(readings_of(latents), logits_.detach(),
                                options_.entropy_weight));
  }

 protected:
  at::Tensor do_log_prob(const at::Tensor& z) override {
    return at::logsumexp(by_cluster(z) + log_shares(logits_, is_kept_), -1);
  }

  Draw do_sample(std::int64_t n, at::Generator& generator) override {
    const at::NoGradGuard no_grad;
    const at::Tensor shares = log_shares(logits_, is_kept_).exp();
    const at::Tensor chosen = at::multinomial(shares, n, true, generator);
    const Posterior within = around(means_.index_select(0, chosen));
    return {within.rsample(1, generator)[0], 0};
  }

 private:
  Posterior around(const at::Tensor& means) const {
    if (options_.is_laplace) {
      return Posterior::laplace(means, at::ones_like(means));
    }
    return Posterior::normal(means, at::zeros_like(means));
  }

  // log p(z | c), [..., C] for z [..., D].
  at::Tensor by_cluster(const at::Tensor& z) const {
    return around(means_).log_prob(z.unsqueeze(-2));
  }

  Readings readings_of(const ValidationLatents& latents) const {
    const bool is_pooled = latents.by_modality.empty();
    const at::Tensor z = is_pooled ? latents.pooled.unsqueeze(0)
                                   : at::stack(latents.by_modality);
    std::vector<at::Tensor> parts;
    for (const at::Tensor& rows : z.split(kRowsAtOnce, 1)) {
      parts.push_back(by_cluster(rows));
    }
    const at::Tensor is_valid =
        is_pooled ? at::ones({1, z.size(1)}, is_kept_.options())
                  : latents.presence.t();
    return {at::cat(parts, 1), is_valid, static_cast<double>(context().latent)};
  }

  Options options_;
  at::Tensor logits_;   // [C]
  at::Tensor means_;    // [C, D]
  at::Tensor is_kept_;  // bool [C]
};

std::shared_ptr<Prior> make(const Settings& settings,
                            const PriorContext& context) {
  return std::make_shared<Cluster>(options_of(settings), context);
}

}  // namespace
}  // namespace shalab::cluster

using shalab::cluster::declare_fields;
using shalab::cluster::make;
SHALAB_PLUGIN(prior, 1, "CMVAE's clusters: a mixture with learned means",
              declare_fields, make)
