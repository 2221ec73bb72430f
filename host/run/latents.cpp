#include "run/latents.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/multinomial.h>

#include <algorithm>
#include <functional>

#include "shalab/nn/objective_terms.h"
#include "shalab/random.h"

namespace shalab {

namespace {

// Tuples at a time. On a CPU, so few that a mixture's components (31 x batch x
// latent floats each in MoPoE) are not mapped and unmapped at every operation.
std::int64_t encode_batch(c10::Device device) {
  return device.is_cpu() ? 200 : 1000;
}

at::Tensor joined(const std::vector<at::Tensor>& parts) {
  return parts.empty() || !parts.front().defined() ? at::Tensor()
                                                   : at::cat(parts);
}

using ByModality = std::vector<std::vector<at::Tensor>>;

std::vector<at::Tensor> joined_each(const ByModality& parts) {
  std::vector<at::Tensor> result;
  for (const auto& part : parts) {
    result.push_back(joined(part));
  }
  return result;
}

// Hands the encoded tuples of a split to `take`, batch by batch.
void for_each_batch(
    MultimodalModel& model, const Dataset& dataset, Split split,
    std::int64_t size, const RunContext& context,
    const std::function<void(const Batch&, const std::vector<Features>&)>&
        take) {
  const at::NoGradGuard no_grad;
  const auto batch_size = encode_batch(context.device);
  for (std::int64_t first = 0; first < size; first += batch_size) {
    const auto count = std::min(batch_size, size - first);
    const auto batch =
        dataset.gather(split, index_range(first, count, context.device));
    const AutocastScope autocast(context.precision, context.device);
    take(batch, model.encode(batch));
  }
}

// presence, or nothing where all is present.
at::Tensor if_incomplete(const at::Tensor& presence) {
  return !presence.defined() || presence.all().item<bool>() ? at::Tensor()
                                                            : presence;
}

struct Moments {
  at::Tensor mean;
  at::Tensor log_var;  // undefined for a dirac
};

Moments moments_of(const Posterior& posterior) {
  return {posterior.mean(), posterior.variance().log()};
}

// Of one component of each row of a mixture, drawn by its weight.
Moments picked(const Posterior& mixture, at::Generator& generator) {
  const auto weights = mixture.log_weights().exp();
  const auto pick =
      at::multinomial(weights.t(), 1, false, generator).view({1, -1, 1});
  const auto rows = moments_of(mixture.rows());
  const auto of_pick = [&](const at::Tensor& x) {
    const auto by_component = x.unflatten(0, weights.sizes());
    const auto index = pick.expand({1, x.size(0) / weights.size(0), x.size(1)});
    return by_component.gather(0, index).squeeze(0);
  };
  return {of_pick(rows.mean), of_pick(rows.log_var)};
}

// Moments of the batches of a split, one below the other.
struct MomentParts {
  std::vector<at::Tensor> means;
  std::vector<at::Tensor> log_vars;

  void add(const Moments& moments, bool is_dirac) {
    means.push_back(moments.mean);
    log_vars.push_back(is_dirac ? at::Tensor() : moments.log_var);
  }
};

bool is_dirac(const Posterior& posterior) {
  return posterior.components().front().family() == Posterior::Family::dirac;
}

bool serves_singles(const MultimodalModel& model) {
  for (std::size_t m = 0; m < model.modalities().size(); ++m) {
    if (!model.serves(ModalitySubset::only(m))) {
      return false;
    }
  }
  return true;
}

}  // namespace

at::Tensor index_range(std::int64_t first, std::int64_t count,
                       c10::Device device) {
  return at::arange(first, first + count,
                    at::TensorOptions(at::kLong).device(device));
}

EncodedSplit encode_split(MultimodalModel& model, const Dataset& dataset,
                          Split split, const RunContext& context,
                          std::int64_t limit) {
  const auto count = model.modalities().size();
  EncodedSplit result;
  const auto available = dataset.size(split);
  result.size = limit > 0 ? std::min(limit, available) : available;
  auto generator = make_generator(context.seed, "latents/" + to_string(split),
                                  context.device);
  std::vector<at::Tensor> labels, presence;
  MomentParts whole, parts;
  ByModality features(count);
  ByModality privates(model.private_size() > 0 ? count : 0);
  const auto take = [&](const Batch& batch,
                        const std::vector<Features>& encoded) {
    const auto posterior = model.fuse(encoded, batch.presence);
    whole.add(moments_of(posterior), is_dirac(posterior));
    if (posterior.family() == Posterior::Family::mixture) {
      parts.add(picked(posterior, generator), is_dirac(posterior));
    }
    labels.push_back(batch.labels);
    presence.push_back(batch.presence);
    for (std::size_t m = 0; m < count; ++m) {
      features[m].push_back(encoded[m].shared.to(at::kFloat));
    }
    for (std::size_t m = 0; m < privates.size(); ++m) {
      privates[m].push_back(model.private_posterior(m, encoded[m]).mean());
    }
  };
  for_each_batch(model, dataset, split, result.size, context, take);
  result.mean = joined(whole.means);
  result.log_var = joined(whole.log_vars);
  const bool is_mixture = !parts.means.empty();
  result.latents.mean = is_mixture ? joined(parts.means) : result.mean;
  result.latents.log_var = is_mixture ? joined(parts.log_vars) : result.log_var;
  result.latents.features = joined_each(features);
  result.latents.presence = if_incomplete(joined(presence));
  result.labels = joined(labels);
  result.private_means = joined_each(privates);
  return result;
}

ValidationLatents validation_latents(MultimodalModel& model,
                                     const Dataset& dataset,
                                     const RunContext& context) {
  auto generator =
      make_generator(context.seed, "latents/by_modality", context.device);
  std::vector<at::Tensor> pooled, presence;
  ByModality draws(serves_singles(model) ? model.modalities().size() : 0);
  const auto take = [&](const Batch& batch,
                        const std::vector<Features>& encoded) {
    pooled.push_back(model.fuse(encoded, batch.presence).mean());
    presence.push_back(batch.presence);
    if (draws.empty()) return;
    const auto all = unimodal_posteriors(model, encoded, batch.presence)
                         .rsample(1, generator)[0]
                         .chunk(static_cast<std::int64_t>(draws.size()));
    for (std::size_t m = 0; m < draws.size(); ++m) {
      draws[m].push_back(all[m]);
    }
  };
  for_each_batch(model, dataset, Split::validation,
                 dataset.size(Split::validation), context, take);
  return {joined(pooled), joined_each(draws), joined(presence)};
}

}  // namespace shalab
