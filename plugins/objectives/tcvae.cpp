// The total-correlation objective of MVTCAE (Hwang et al. 2021). With n
// modalities present and a = tc_ratio:
//   (n - a)/n sum_m weight_m log p(x_m | z)
//   - kl_weight [ a/n sum_m KL(q(z | X) || q(z | x_m)) + (1 - a) KL(q || p) ]

#include <ATen/ATen.h>

#include "shalab/error.h"
#include "shalab/nn/objective_terms.h"

namespace shalab {
namespace {

// q(z | X), [B, D], and q(z | x_m), row m * B + b of [M * B, D].
struct Posteriors {
  Posterior joint;
  Posterior unimodal;
};

Posterior normal_rows(const Posterior& all, std::int64_t first,
                      std::int64_t count) {
  return Posterior::normal(all.mean().narrow(0, first, count),
                           all.log_var().narrow(0, first, count));
}

Posteriors fuse_all(ModelView& model, const std::vector<Features>& features,
                    const at::Tensor& presence) {
  const std::int64_t batch = presence.size(0);
  const at::Tensor sources =
      at::cat({presence.unsqueeze(0), singletons(presence)});
  const Posterior all = model.fuse(features, sources.flatten(0, 1));
  if (all.family() != Posterior::Family::normal) {
    throw Error(ErrorKind::usage,
                "objective tcvae needs a normal posterior in closed form, but "
                "this fusion gives another family",
                "use fusion poe with prior_expert = never");
  }
  return {normal_rows(all, 0, batch),
          normal_rows(all, batch, presence.size(1) * batch)};
}

class Tcvae final : public Objective {
 public:
  Tcvae(const Settings& settings, const ObjectiveContext& context)
      : Objective(context),
        ratio_(settings.real("tc_ratio")),
        kl_weight_(settings),
        weights_(likelihood_weights(settings, context.modalities)) {}

  std::vector<ModalitySubset> needed_subsets() const override {
    const std::size_t count = context().modalities.size();
    std::vector<ModalitySubset> subsets = all_singletons(count);
    subsets.push_back(ModalitySubset::all(count));
    return subsets;
  }

 protected:
  Terms do_terms(ModelView& model, const Batch& batch,
                 const StepInfo& info) override {
    const std::vector<Features> features = model.encode(batch);
    const Posteriors q = fuse_all(model, features, batch.presence);
    const at::Tensor z = q.joint.rsample(1, info.generator).squeeze(0);
    const PrivateDraws own = draw_private(model, features, 1, info.generator);
    Fit fit = fit_of(model, batch, z, own, weights_);
    const at::Tensor kl = kl_to_prior(q.joint, z, model.prior(), "analytic");
    const at::Tensor by_modality = kl_by_modality(q, batch.presence);
    const at::Tensor private_kl = own.kl_of(batch.presence);
    const at::Tensor share =
        ratio_ * batch.presence.sum(1).to(at::kFloat).reciprocal();
    const at::Tensor rate =
        share * by_modality.sum(0) + (1 - ratio_) * kl + private_kl;
    const at::Tensor gain = (1 - share) * fit.weighted;
    Terms terms{(kl_weight_.in_epoch(info.epoch) * rate - gain).mean(),
                std::move(fit.named)};
    terms.named.emplace_back("kl", (kl + private_kl).mean());
    for (std::size_t m = 0; m < batch.data.size(); ++m) {
      terms.named.emplace_back("kl_to." + context().modalities[m].name,
                               by_modality[static_cast<long>(m)].mean());
    }
    terms.named.emplace_back("elbo", (fit.total - kl - private_kl).mean());
    return terms;
  }

 private:
  // KL(q(z | X) || q(z | x_m)) where x_m is present, [M, B].
  static at::Tensor kl_by_modality(const Posteriors& q,
                                   const at::Tensor& presence) {
    const std::int64_t count = presence.size(1);
    const auto kl = q.joint.repeated(count).kl_to(q.unimodal);
    return at::where(presence.t(), kl->view({count, -1}), 0);
  }

  double ratio_;
  KlWeight kl_weight_;
  std::vector<double> weights_;
};

void declare_fields(FieldList& fields) {
  fields
      .real("tc_ratio", 5.0 / 6.0,
            "share a of the total-correlation bound; 0 = the elbo")
      .range(0, 1);
  declare_kl_weight(fields);
  declare_likelihood_weights(fields);
}

std::shared_ptr<Objective> make(const Settings& settings,
                                const ObjectiveContext& context) {
  return std::make_shared<Tcvae>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(objective, 1, "the total-correlation objective (MVTCAE)",
              shalab::declare_fields, shalab::make)
