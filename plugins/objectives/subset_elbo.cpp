// MVAE's sub-sampled objective (Wu and Goodman 2018): the elbo of all present
// modalities, of each alone and of random subsets, each reconstructing its own
// modalities only, summed.

#include <ATen/ATen.h>

#include "shalab/error.h"
#include "shalab/nn/objective_terms.h"

namespace shalab {
namespace {

// k random subsets of M >= 3 modalities, bool [k, M]: a uniform size in
// 2..M-1, then a uniform subset of that size.
at::Tensor random_subsets(std::int64_t k, std::int64_t count,
                          const at::TensorOptions& options,
                          at::Generator& generator) {
  const auto numbers = options.dtype(at::kFloat);
  const at::Tensor size =
      at::randint(2, count, {k, 1}, generator, options.dtype(at::kLong));
  const at::Tensor rank = at::empty({k, count}, numbers)
                              .uniform_(0, 1, generator)
                              .argsort(-1, false)
                              .argsort(-1, false);
  return rank < size;
}

class SubsetElbo final : public Objective {
 public:
  SubsetElbo(const Settings& settings, const ObjectiveContext& context)
      : Objective(context),
        kl_weight_(settings),
        weights_(likelihood_weights(settings, context.modalities)),
        num_random_(settings.integer("random_subsets")),
        num_single_(settings.flag("unimodal") ? count() : 0) {
    if (num_random_ == 0 || count() > 2) return;
    throw Error(ErrorKind::usage,
                "objective.random_subsets = " + std::to_string(num_random_) +
                    ": subsets of 2 to M - 1 modalities exist from three "
                    "modalities on, and there are " +
                    std::to_string(count()),
                "set random_subsets = 0");
  }

  // Pairs and sets that lack one modality stand for the random subsets.
  std::vector<ModalitySubset> needed_subsets() const override {
    const auto all = ModalitySubset::all(context().modalities.size());
    std::vector<ModalitySubset> subsets{all};
    for (const std::size_t m : all.indices()) {
      if (num_single_ > 0) subsets.push_back(ModalitySubset::only(m));
      if (num_random_ == 0) continue;
      subsets.push_back(all.without(m));
      for (std::size_t other = 0; other < m; ++other) {
        subsets.push_back(ModalitySubset::only(m).with(other));
      }
    }
    return subsets;
  }

 protected:
  Terms do_terms(ModelView& model, const Batch& batch,
                 const StepInfo& info) override {
    const std::vector<Features> features = model.encode(batch);
    const at::Tensor sources = sources_of(batch.presence, info.generator);
    const at::Tensor exists = sources.any(2);
    const Posterior posterior = model.fuse(
        features,
        at::where(exists.unsqueeze(2), sources, batch.presence).flatten(0, 1));
    const at::Tensor z = posterior.rsample(1, info.generator).squeeze(0);
    const PrivateDraws own =
        draw_private(model, features, sources.size(0), info.generator);
    const at::Tensor kl =
        kl_to_prior(posterior, z, model.prior()).view(exists.sizes());
    const at::Tensor rate = at::where(exists, kl + own.kl_of(sources), 0);
    return terms_of(model, batch, sources, rate,
                    z.view({exists.size(0), exists.size(1), -1}), own, info);
  }

 private:
  std::int64_t count() const {
    return static_cast<std::int64_t>(context().modalities.size());
  }

  // What is present of each source, bool [T, B, M]; some rows may be empty.
  at::Tensor sources_of(const at::Tensor& presence,
                        at::Generator& generator) const {
    std::vector<at::Tensor> sources = {presence.unsqueeze(0)};
    if (num_single_ > 0) sources.push_back(singletons(presence) & presence);
    if (num_random_ > 0) {
      const at::Tensor random =
          random_subsets(num_random_, count(), presence.options(), generator);
      sources.push_back(random.unsqueeze(1) & presence);
    }
    return at::cat(sources);
  }

  // The rows of x [T, ...] that may hold modality m: joint, its own, random.
  at::Tensor rows_with(const at::Tensor& x, std::int64_t m) const {
    std::vector<at::Tensor> rows = {x.narrow(0, 0, 1)};
    if (num_single_ > 0) rows.push_back(x.narrow(0, 1 + m, 1));
    rows.push_back(x.narrow(0, 1 + num_single_, num_random_));
    return at::cat(rows);
  }

  Terms terms_of(ModelView& model, const Batch& batch,
                 const at::Tensor& sources, const at::Tensor& rate,
                 const at::Tensor& z, const PrivateDraws& own,
                 const StepInfo& info) const {
    std::vector<at::Tensor> codes, counts;
    for (std::int64_t m = 0; m < count(); ++m) {
      codes.push_back(rows_with(own.code(z, static_cast<std::size_t>(m)), m));
      counts.push_back(rows_with(sources.select(2, m), m));
    }
    const at::Tensor log_probs =
        log_likelihoods(model, batch, codes, at::stack(counts));
    const at::Tensor gain = weighted_sum(log_probs.sum(1), weights_);
    const double kl_weight = kl_weight_.in_epoch(info.epoch);
    Terms terms{(kl_weight * rate.sum(0) - gain).mean(), {}};
    record(terms.named, log_probs.detach(), rate.detach());
    return terms;
  }

  // log_probs [M, T', B] by modality, rows as rows_with has them; rate [T, B].
  void record(NamedTerms& named, const at::Tensor& log_probs,
              const at::Tensor& rate) const {
    const auto& modalities = context().modalities;
    append_by_modality(named, "log_likelihood", modalities,
                       log_probs.select(1, 0).mean(1));
    named.emplace_back("kl", rate[0].mean());
    named.emplace_back("elbo",
                       (log_probs.select(1, 0).sum(0) - rate[0]).mean());
    if (num_single_ > 0) {
      const at::Tensor single =
          log_probs.select(1, 1) - rate.narrow(0, 1, num_single_);
      append_by_modality(named, "elbo", modalities, single.mean(1));
    }
    if (num_random_ == 0) return;
    const auto random_of = [this](const at::Tensor& x, std::int64_t dim) {
      return x.narrow(dim, x.size(dim) - num_random_, num_random_);
    };
    named.emplace_back(
        "elbo_of_random_subsets",
        (random_of(log_probs, 1).sum(0) - random_of(rate, 0)).mean());
  }

  KlWeight kl_weight_;
  std::vector<double> weights_;
  std::int64_t num_random_;
  std::int64_t num_single_;
};

void declare_fields(FieldList& fields) {
  fields
      .integer("random_subsets", 0,
               "random subsets a step, of 2 to M - 1 modalities (k)")
      .at_least(0);
  fields.flag("unimodal", true, "add the elbo of each modality alone");
  declare_kl_weight(fields);
  declare_likelihood_weights(fields);
}

std::shared_ptr<Objective> make(const Settings& settings,
                                const ObjectiveContext& context) {
  return std::make_shared<SubsetElbo>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(objective, 1,
              "the elbos of all, of single and of random modalities (MVAE)",
              shalab::declare_fields, shalab::make)
