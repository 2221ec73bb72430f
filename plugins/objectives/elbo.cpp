// The evidence lower bound, with an optional contrastive alignment of the
// features (InfoNCE, van den Oord et al. 2018).

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>

#include "shalab/error.h"
#include "shalab/objective.h"

namespace shalab {
namespace {

constexpr double kMaskedLogit = -1e9;

void declare_fields(FieldList& fields) {
  fields.real("kl_weight", 1.0, "factor on the KL").at_least(0);
  fields.real("kl_warmup", 0.0, "epochs of linear growth of kl_weight from 0")
      .at_least(0)
      .in("epochs");
  fields.choice("kl", "auto", {"auto", "analytic", "components", "sampled"},
                "KL(posterior to prior): closed form, weighted closed forms of "
                "a mixture's components, one draw; auto takes the first that "
                "the posterior and the prior allow");
  fields.list("likelihood_weights", {},
              "factors on log-likelihoods, name:number; unnamed weigh 1");
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

std::vector<double> weights_of(const Settings& settings,
                               const std::vector<ModalitySpec>& modalities) {
  const std::string key = "likelihood_weights";
  std::vector<double> weights(modalities.size(), 1.0);
  for (const auto& [name, weight] : named_numbers(settings.list(key), key)) {
    weights[modality_index(modalities, name, key)] = weight;
  }
  return weights;
}

std::optional<at::Tensor> kl_of_components(const Posterior& posterior,
                                           Prior& prior) {
  std::vector<at::Tensor> kls;
  for (const Posterior& component : posterior.components()) {
    std::optional<at::Tensor> kl = prior.kl_from(component);
    if (!kl) return std::nullopt;
    kls.push_back(*kl);
  }
  return (posterior.log_weights().exp() * at::stack(kls)).sum(0);
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
          torch::nn::Linear(context.features[m],
                            settings.integer("alignment_size"))));
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
  std::vector<torch::nn::Linear> projections_;
};
TORCH_MODULE(Alignment);

class Elbo final : public Objective {
 public:
  Elbo(const Settings& settings, const ObjectiveContext& context)
      : Objective(context),
        kl_weight_(settings.real("kl_weight")),
        kl_warmup_(settings.real("kl_warmup")),
        kl_rule_(settings.text("kl")),
        weights_(weights_of(settings, context.modalities)),
        alignment_weight_(settings.real("alignment_weight")) {
    if (alignment_weight_ > 0) {
      alignment_ = register_module("alignment", Alignment(settings, context));
    }
  }

 protected:
  Terms do_terms(ModelView& model, const Batch& batch,
                 const StepInfo& info) override {
    const std::vector<Features> features = model.encode(batch);
    refuse_private(features);
    const Posterior posterior = model.fuse(features, batch.presence);
    const at::Tensor z = posterior.rsample(1, info.generator).squeeze(0);
    Terms terms;
    const at::Tensor kl = kl_to_prior(posterior, z, model.prior()).mean();
    at::Tensor elbo = -kl;
    terms.loss = kl * kl_weight_at(info.epoch);
    for (std::size_t m = 0; m < batch.data.size(); ++m) {
      const at::Tensor fit = log_likelihood(model, batch, m, z);
      elbo = elbo + fit;
      terms.loss = terms.loss - weights_[m] * fit;
      terms.named.emplace_back("log_likelihood." + context().modalities[m].name,
                               fit);
    }
    terms.named.emplace_back("kl", kl);
    terms.named.emplace_back("elbo", elbo);
    if (alignment_) {
      const at::Tensor alignment =
          alignment_->forward(features, batch.presence, info.generator);
      terms.loss = terms.loss + alignment_weight_ * alignment;
      terms.named.emplace_back("alignment", alignment);
    }
    return terms;
  }

 private:
  static void refuse_private(const std::vector<Features>& features) {
    if (!std::ranges::any_of(features, [](const Features& part) {
          return part.private_.defined();
        })) {
      return;
    }
    throw Error(ErrorKind::usage,
                "objective elbo knows no private latents, but the encoders "
                "give private features",
                "set the private latent to 0, or use an objective with "
                "private latents (iwae)");
  }

  static at::Tensor log_likelihood(ModelView& model, const Batch& batch,
                                   std::size_t m, const at::Tensor& z) {
    const at::Tensor fit = model.decode(m, z).log_prob(batch.data[m]);
    const auto column = static_cast<std::int64_t>(m);
    return at::where(batch.presence.select(1, column), fit, 0).mean();
  }

  double kl_weight_at(double epoch) const {
    if (kl_warmup_ <= 0) return kl_weight_;
    return kl_weight_ * std::min(1.0, epoch / kl_warmup_);
  }

  at::Tensor kl_to_prior(const Posterior& posterior, const at::Tensor& z,
                         Prior& prior) const {
    std::optional<at::Tensor> kl;
    const bool is_auto = kl_rule_ == "auto";
    if (is_auto || kl_rule_ == "analytic") kl = prior.kl_from(posterior);
    if (!kl && (is_auto || kl_rule_ == "components")) {
      kl = kl_of_components(posterior, prior);
    }
    if (kl) return *kl;
    if (is_auto || kl_rule_ == "sampled") {
      return posterior.log_prob(z) - prior.log_prob(z);
    }
    throw Error(ErrorKind::usage,
                "objective elbo: kl = " + kl_rule_ +
                    ", but this posterior and prior have no closed form",
                "set kl = auto or kl = sampled");
  }

  double kl_weight_;
  double kl_warmup_;
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
