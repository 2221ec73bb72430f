// The Jensen-Shannon objective with a dynamic prior (mmJSD, Sutter et al.
// 2020). With n modalities present and shares a = 1 / (n + 1):
//   sum_m weight_m E[log p(x_m | z)]
//   - kl_weight a [ sum_m KL(q(z | x_m) || f) + KL(N(0, I) || f) ],
// f the geometric mean of the n unimodal posteriors and N(0, I), z drawn from
// the uniform mixture of the unimodal posteriors.

#include <ATen/ATen.h>

#include <limits>

#include "shalab/error.h"
#include "shalab/nn/objective_terms.h"

namespace shalab {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

Posterior standard_like(const at::Tensor& x) {
  const at::Tensor zero = at::zeros_like(x);
  return Posterior::normal(zero, zero);
}

// The unimodal posteriors of a batch and the mask that goes with them.
struct Unimodal {
  Posterior rows;       // [M * B, D]
  at::Tensor presence;  // bool [M, B]

  Posterior mixture() const {
    const at::Tensor log_share = -presence.sum(0).to(at::kFloat).log();
    return Posterior::mixture_of_rows(
        at::where(presence, log_share, kMinusInfinity), rows);
  }

  at::Tensor share() const { return 1.0 / (presence.sum(0) + 1.0); }

  Posterior dynamic_prior() const {
    const std::int64_t shape[] = {presence.size(0), presence.size(1), -1};
    const at::Tensor mean = rows.mean().view(shape);
    const at::Tensor precision = at::where(
        presence.unsqueeze(-1), (-rows.log_var()).exp().view(shape), 0);
    const at::Tensor total = 1 + precision.sum(0);
    const at::Tensor log_var = -(share().unsqueeze(-1) * total).log();
    return Posterior::normal((precision * mean).sum(0) / total, log_var);
  }

  at::Tensor divergence() const {
    const Posterior prior = dynamic_prior();
    const auto kl = rows.kl_to(prior.repeated(presence.size(0)));
    const at::Tensor of_unimodal =
        at::where(presence, kl->view(presence.sizes()), 0).sum(0);
    return share() * (of_unimodal + *standard_like(prior.mean()).kl_to(prior));
  }
};

class Jsd final : public Objective {
 public:
  Jsd(const Settings& settings, const ObjectiveContext& context)
      : Objective(context),
        kl_weight_(settings),
        weights_(likelihood_weights(settings, context.modalities)) {}

  std::vector<ModalitySubset> needed_subsets() const override {
    return all_singletons(context().modalities.size());
  }

 protected:
  Terms do_terms(ModelView& model, const Batch& batch,
                 const StepInfo& info) override {
    const std::vector<Features> features = model.encode(batch);
    const Unimodal q{unimodal_posteriors(model, features, batch.presence),
                     batch.presence.t()};
    refuse_misfits(q.rows, model.prior());
    const at::Tensor z = q.mixture().rsample(1, info.generator).squeeze(0);
    const PrivateDraws own = draw_private(model, features, 1, info.generator);
    Fit fit = fit_of(model, batch, z, own, weights_);
    const at::Tensor jsd = q.divergence();
    const at::Tensor private_kl = own.kl_of(batch.presence);
    const at::Tensor rate =
        kl_weight_.in_epoch(info.epoch) * (jsd + private_kl);
    Terms terms{(rate - fit.weighted).mean(), std::move(fit.named)};
    terms.named.emplace_back("jsd", jsd.mean());
    terms.named.emplace_back("elbo", (fit.total - jsd - private_kl).mean());
    return terms;
  }

 private:
  static void refuse_misfits(const Posterior& unimodal, Prior& prior) {
    if (unimodal.family() != Posterior::Family::normal) {
      throw Error(ErrorKind::usage,
                  "objective jsd needs normal unimodal posteriors for its "
                  "dynamic prior, but this fusion gives another family",
                  "set fusion.family = normal");
    }
    const at::Tensor row = unimodal.mean().detach().narrow(0, 0, 1);
    if (prior.kl_from(standard_like(row))) return;
    throw Error(ErrorKind::usage,
                "objective jsd builds its dynamic prior on N(0, I), but the "
                "training prior is another",
                "set prior.plugin = standard_normal");
  }

  KlWeight kl_weight_;
  std::vector<double> weights_;
};

void declare_fields(FieldList& fields) {
  declare_kl_weight(fields);
  declare_likelihood_weights(fields);
}

std::shared_ptr<Objective> make(const Settings& settings,
                                const ObjectiveContext& context) {
  return std::make_shared<Jsd>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(objective, 1,
              "the Jensen-Shannon objective with a dynamic prior (mmJSD)",
              shalab::declare_fields, shalab::make)
