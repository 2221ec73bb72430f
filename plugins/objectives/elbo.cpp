// The evidence lower bound, with an optional contrastive alignment of the
// features (InfoNCE, van den Oord et al. 2018).

#include <ATen/ATen.h>

#include "shalab/error.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/objective_terms.h"

namespace shalab {
namespace {

constexpr double kMaskedLogit = -1e9;

void declare_fields(FieldList& fields) {
  declare_kl_weight(fields);
  fields.choice("kl", "auto", {"auto", "analytic", "components", "sampled"},
                "KL(posterior to prior): closed form, weighted closed forms of "
                "a mixture's components, one draw; auto takes the first that "
                "the posterior and the prior allow");
  declare_likelihood_weights(fields);
  fields
      .real("alignment_weight", 0.0,
            "factor on the InfoNCE between the features of one random pair "
            "of modalities a step; 0 = off")
      .at_least(0);
  fields.real("alignment_temperature", 0.1, "divides the cosine similarities")
      .more_than(0);
  fields.integer("alignment_size", 64, "columns of the projected features")
      .at_least(1);
}

// Mean over rows that are valid, [B] and bool [B].
at::Tensor mean_where(const at::Tensor& x, const at::Tensor& is_valid) {
  return at::where(is_valid, x, 0).sum() / is_valid.sum().clamp_min(1);
}

class AlignmentImpl : public torch::nn::Module {
 public:
  AlignmentImpl(const Settings& settings, const ObjectiveContext& context)
      : temperature_(settings.real("alignment_temperature")) {
    if (context.modalities.size() < 2) {
      throw Error(ErrorKind::usage,
                  "alignment_weight aligns pairs of modalities, but there is "
                  "only one",
                  "set alignment_weight = 0");
    }
    for (std::size_t m = 0; m < context.modalities.size(); ++m) {
      projections_.push_back(register_module(
          context.modalities[m].name,
          nn::Linear(context.features[m], settings.integer("alignment_size"))));
    }
  }

  at::Tensor forward(const std::vector<Features>& features,
                     const at::Tensor& presence, at::Generator& generator) {
    std::vector<at::Tensor> projected;
    for (std::size_t m = 0; m < features.size(); ++m) {
      const at::Tensor p =
          projections_[m]->forward(features[m].shared).to(at::kFloat);
      projected.push_back(p / p.norm(2, 1, true).clamp_min(1e-12));
    }
    const at::Tensor pair = pick(projected.size(), presence, generator);
    const at::Tensor p = at::stack(projected).index_select(0, pair);
    const at::Tensor is_valid = presence.index_select(1, pair).all(1);
    const at::Tensor logits = p[0].mm(p[1].t()) / temperature_;
    return 0.5 * (cross_entropy(logits, is_valid) +
                  cross_entropy(logits.t(), is_valid));
  }

 private:
  static at::Tensor pick(std::size_t count, const at::Tensor& presence,
                         at::Generator& generator) {
    const auto options = presence.options().dtype(at::kFloat);
    const at::Tensor keys =
        at::empty({static_cast<std::int64_t>(count)}, options)
            .uniform_(0, 1, generator);
    return keys.argsort(0, false).slice(0, 0, 2);
  }

  static at::Tensor cross_entropy(const at::Tensor& logits,
                                  const at::Tensor& is_valid) {
    const at::Tensor known =
        at::where(is_valid.unsqueeze(0), logits, kMaskedLogit);
    return mean_where(-at::log_softmax(known, 1).diagonal(), is_valid);
  }

  double temperature_;
  std::vector<nn::Linear> projections_;
};
TORCH_MODULE(Alignment);

class Elbo final : public Objective {
 public:
  Elbo(const Settings& settings, const ObjectiveContext& context)
      : Objective(context),
        kl_weight_(settings),
        kl_rule_(settings.text("kl")),
        weights_(likelihood_weights(settings, context.modalities)),
        alignment_weight_(settings.real("alignment_weight")) {
    if (alignment_weight_ > 0) {
      alignment_ = register_module("alignment", Alignment(settings, context));
    }
  }

 protected:
  Terms do_terms(ModelView& model, const Batch& batch,
                 const StepInfo& info) override {
    const std::vector<Features> features = model.encode(batch);
    const Posterior posterior = model.fuse(features, batch.presence);
    const at::Tensor z = posterior.rsample(1, info.generator).squeeze(0);
    const PrivateDraws own = draw_private(model, features, 1, info.generator);
    Fit fit = fit_of(model, batch, z, own, weights_);
    const at::Tensor kl = kl_to_prior(posterior, z, model.prior(), kl_rule_) +
                          own.kl_of(batch.presence);
    const double kl_weight = kl_weight_.in_epoch(info.epoch);
    Terms terms{(kl_weight * kl - fit.weighted).mean(), std::move(fit.named)};
    terms.named.emplace_back("kl", kl.mean());
    terms.named.emplace_back("elbo", (fit.total - kl).mean());
    if (alignment_) {
      const at::Tensor alignment =
          alignment_->forward(features, batch.presence, info.generator);
      terms.loss = terms.loss + alignment_weight_ * alignment;
      terms.named.emplace_back("alignment", alignment);
    }
    return terms;
  }

 private:
  KlWeight kl_weight_;
  std::string kl_rule_;
  std::vector<double> weights_;
  double alignment_weight_;
  Alignment alignment_{nullptr};
};

std::shared_ptr<Objective> make(const Settings& settings,
                                const ObjectiveContext& context) {
  return std::make_shared<Elbo>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(objective, 1, "the evidence lower bound", shalab::declare_fields,
              shalab::make)
