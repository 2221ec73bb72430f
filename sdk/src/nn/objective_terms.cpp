#include "shalab/nn/objective_terms.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "shalab/error.h"
#include "shalab/side_by_side.h"

namespace shalab {

namespace {

constexpr const char* kWeightsKey = "likelihood_weights";
constexpr const char* kAuto = "auto";

std::vector<double> size_ratios(const std::vector<ModalitySpec>& modalities) {
  std::int64_t largest = 1;
  for (const ModalitySpec& modality : modalities) {
    largest = std::max(largest, modality.numel());
  }
  std::vector<double> ratios;
  for (const ModalitySpec& modality : modalities) {
    ratios.push_back(static_cast<double>(largest) /
                     static_cast<double>(modality.numel()));
  }
  return ratios;
}

std::optional<at::Tensor> kl_of_components(const Posterior& posterior,
                                           Prior& prior) {
  const std::optional<at::Tensor> kl = prior.kl_from(posterior.rows());
  if (!kl) return std::nullopt;
  const at::Tensor weights = posterior.log_weights().exp();
  return (weights * kl->view(weights.sizes())).sum(0);
}

}  // namespace

void declare_likelihood_weights(FieldList& fields) {
  fields.list(kWeightsKey, {},
              "factors on log-likelihoods, name:number; unnamed weigh 1, or "
              "with the item auto the largest modality's size over their own");
}

std::vector<double> likelihood_weights(
    const Settings& settings, const std::vector<ModalitySpec>& modalities) {
  std::vector<std::string> items = settings.list(kWeightsKey);
  const bool is_auto = std::erase(items, kAuto) > 0;
  std::vector<double> weights =
      is_auto ? size_ratios(modalities)
              : std::vector<double>(modalities.size(), 1.0);
  for (const auto& [name, weight] : named_numbers(items, kWeightsKey)) {
    weights[modality_index(modalities, name, kWeightsKey)] = weight;
  }
  return weights;
}

void declare_kl_weight(FieldList& fields) {
  fields.real("kl_weight", 1.0, "factor on the KL").at_least(0);
  fields.real("kl_warmup", 0.0, "epochs of linear growth of kl_weight from 0")
      .at_least(0)
      .in("epochs");
}

KlWeight::KlWeight(const Settings& settings)
    : weight_(settings.real("kl_weight")),
      warmup_(settings.real("kl_warmup")) {}

double KlWeight::in_epoch(const HostNumber<double>& epoch) const {
  if (warmup_ <= 0 || epoch.has_reached(warmup_)) return weight_;
  return weight_ * (epoch / warmup_);
}

at::Tensor kl_to_prior(const Posterior& posterior, const at::Tensor& z,
                       Prior& prior, const std::string& rule) {
  std::optional<at::Tensor> kl;
  const bool is_auto = rule == "auto";
  if (is_auto || rule == "analytic") kl = prior.kl_from(posterior);
  if (!kl && (is_auto || rule == "components")) {
    kl = kl_of_components(posterior, prior);
  }
  if (kl) return *kl;
  if (is_auto || rule == "sampled") {
    return posterior.log_prob(z) - prior.log_prob(z);
  }
  throw Error(ErrorKind::usage,
              "objective.kl = " + rule +
                  ", but this posterior and prior have no closed form",
              "set kl = auto or kl = sampled");
}

at::Tensor PrivateDraws::code(const at::Tensor& z, std::size_t modality) const {
  if (w.empty()) return z;
  const at::Tensor& own = w[modality];
  return at::cat({z, z.dim() == 2 ? own.squeeze(0) : own}, -1);
}

at::Tensor PrivateDraws::kl_of(const at::Tensor& presence) const {
  if (w.empty()) return at::zeros({}, presence.options().dtype(at::kFloat));
  return at::where(presence, kl, 0).sum(-1);
}

PrivateDraws draw_private(ModelView& model,
                          const std::vector<Features>& features,
                          std::int64_t num_samples, at::Generator& generator) {
  PrivateDraws draws;
  if (model.private_size() == 0) return draws;
  std::vector<at::Tensor> kls;
  for (std::size_t m = 0; m < features.size(); ++m) {
    const Posterior own = model.private_posterior(m, features[m]);
    draws.w.push_back(own.rsample(num_samples, generator));
    const auto kl = own.kl_to(model.private_prior(own.mean().size(0)));
    SHALAB_CHECK(kl.has_value(), "a private prior of another family");
    kls.push_back(*kl);
  }
  draws.kl = at::stack(kls, 1);
  return draws;
}

at::Tensor log_likelihoods(ModelView& model, const Batch& batch,
                           const std::vector<at::Tensor>& codes,
                           const at::Tensor& counts) {
  std::vector<at::Tensor> result(codes.size());
  side_by_side(codes.size(), [&](std::size_t m) {
    result[m] = model.decode(m, codes[m].flatten(0, 1))
                    .unflatten(codes[m].size(0), codes[m].size(1))
                    .log_prob(batch.data[m]);
  });
  return at::where(counts, at::stack(result), 0);
}

at::Tensor weighted_sum(const at::Tensor& x,
                        const std::vector<double>& weights) {
  const bool is_plain =
      std::ranges::all_of(weights, [](double weight) { return weight == 1.0; });
  if (is_plain) return x.sum(0);
  const std::vector<at::Tensor> parts = x.unbind(0);
  at::Tensor sum = weights[0] * parts[0];
  for (std::size_t m = 1; m < parts.size(); ++m) {
    sum = at::add(sum, parts[m], weights[m]);
  }
  return sum;
}

void append_by_modality(NamedTerms& named, const std::string& term,
                        const std::vector<ModalitySpec>& modalities,
                        const at::Tensor& values) {
  const std::vector<at::Tensor> parts = values.detach().unbind(0);
  for (std::size_t m = 0; m < parts.size(); ++m) {
    named.emplace_back(term + "." + modalities[m].name, parts[m]);
  }
}

Fit fit_of(ModelView& model, const Batch& batch, const at::Tensor& z,
           const PrivateDraws& own, const std::vector<double>& weights) {
  const at::Tensor draws = z.unsqueeze(0);
  std::vector<at::Tensor> codes;
  for (std::size_t m = 0; m < batch.data.size(); ++m) {
    codes.push_back(own.code(draws, m));
  }
  const at::Tensor log_probs =
      log_likelihoods(model, batch, codes, batch.presence.t().unsqueeze(1))
          .squeeze(1);
  Fit fit{log_probs.sum(0), weighted_sum(log_probs, weights), {}};
  append_by_modality(fit.named, "log_likelihood", model.modalities(),
                     log_probs.detach().mean(1));
  return fit;
}

at::Tensor singletons(const at::Tensor& batch_presence) {
  const std::int64_t count = batch_presence.size(1);
  return at::eye(count, batch_presence.options())
      .unsqueeze(1)
      .expand({count, batch_presence.size(0), count});
}

Posterior unimodal_posteriors(ModelView& model,
                              const std::vector<Features>& features,
                              const at::Tensor& batch_presence) {
  return model.fuse(features, singletons(batch_presence).flatten(0, 1))
      .heaviest();
}

std::vector<ModalitySubset> all_singletons(std::size_t num_modalities) {
  std::vector<ModalitySubset> subsets;
  for (std::size_t m = 0; m < num_modalities; ++m) {
    subsets.push_back(ModalitySubset::only(m));
  }
  return subsets;
}

}  // namespace shalab
