#include "run/generate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/signals.h"
#include "run/prior_draws.h"
#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

using Route = GenerationTask::Route;

class Timer {
 public:
  explicit Timer(double& total) : total_(total) {}
  ~Timer() {
    total_ += std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  double& total_;
  Clock::time_point start_ = Clock::now();
};

const char* route_name(Route route) {
  switch (route) {
    case Route::joint:
      return "joint";
    case Route::conditional:
      return "conditional";
    case Route::reconstruction:
      return "reconstruction";
    case Route::importance:
      return "importance";
    case Route::aggregate:
      return "aggregate";
  }
  return "";
}

at::Tensor shown(const ModalitySpec& modality, const at::Tensor& mode) {
  if (modality.kind != ModalityKind::image) {
    return mode;
  }
  return mode.to(at::kFloat).clamp(0, 1).mul(255).round().div(255);
}

std::vector<Judgement> judged(const GenerationView& view,
                              const std::vector<at::Tensor>& samples) {
  std::vector<Judgement> result;
  if (samples.empty()) return result;
  for (std::size_t m = 0; m < view.judges.judges.size(); ++m) {
    const auto& judge = view.judges.judges[m];
    result.push_back(judge ? judge->judge(samples[m]) : Judgement{});
  }
  return result;
}

Draw latent_of_posterior(const GenerationView& view, const GenerationTask& task,
                         const std::vector<Features>& features,
                         const at::Tensor& presence, at::Generator& generator) {
  const auto posterior = view.model.fuse(features, presence);
  if (task.route == Route::reconstruction) {
    return {posterior.mean(), 0};
  }
  return {posterior.rsample(1, generator)[0], 0};
}

// log p(w_m) - log q(w_m | x_m) of K draws w [K, B, P]: [K, B].
at::Tensor private_log_ratio(MultimodalModel& model, const Posterior& posterior,
                             const at::Tensor& w) {
  return model.private_prior(w.size(1)).log_prob(w) - posterior.log_prob(w);
}

// log w = log p(x | z, w) + log p(z) - log q(z | X), and for each modality
// present log p(w_m) - log q(w_m | x_m); K draws of q: [K, B].
at::Tensor log_weights(const GenerationView& view, const Batch& batch,
                       const std::vector<Features>& features,
                       std::int64_t num_samples, at::Generator& generator) {
  auto& model = view.model;
  const auto posterior = model.fuse(features, batch.presence);
  const auto z = posterior.rsample(num_samples, generator);
  auto result = model.prior().log_prob(z) - posterior.log_prob(z);
  for (std::size_t m = 0; m < model.modalities().size(); ++m) {
    at::Tensor code = z;
    at::Tensor term = at::zeros({}, z.options());
    if (model.private_size() > 0) {
      const auto own = model.private_posterior(m, features[m]);
      const auto w = own.rsample(num_samples, generator);
      code = at::cat({z, w}, -1);
      term = private_log_ratio(model, own, w);
    }
    term = term + model.decode(m, code.flatten(0, 1))
                      .unflatten(num_samples, batch.size())
                      .log_prob(batch.data[m]);
    result = result +
             at::where(batch.presence.select(1, static_cast<std::int64_t>(m)),
                       term, 0);
  }
  return result;
}

// One batch of a task that starts from the tuples `truth`.
Generated from_data(const GenerationView& view, const LatentSource& source,
                    const GenerationTask& task, Batch truth,
                    at::Generator& generator, TaskCost& cost) {
  Generated generated;
  generated.truth = std::move(truth);
  const Timer timer(cost.seconds);
  const AutocastScope autocast(view.context.precision, view.context.device);
  const auto features = view.model.encode(generated.truth);
  if (task.route == Route::importance) {
    generated.log_weights = log_weights(view, generated.truth, features,
                                        task.num_importance_samples, generator);
    cost.nfe = 1;
    return generated;
  }
  if (task.route == Route::aggregate) {
    generated.latents = view.model.fuse(features, generated.truth.presence)
                            .rsample(1, generator)[0];
    return generated;
  }
  const bool rebuilds = task.route == Route::reconstruction;
  const auto seen =
      rebuilds ? generated.truth.presence
               : presence_of(view, task.source, generated.truth.size());
  const auto draw =
      source.is_posterior()
          ? latent_of_posterior(view, task, features, seen, generator)
          : source.prior->sample_given(
                make_condition(view, generated.truth, features, task.source),
                generator);
  generated.latents = draw.z;
  generated.samples = decode_samples(
      view,
      codes_of(view.model, draw.z, {features, seen, rebuilds}, generator));
  cost.nfe = draw.nfe + 1;
  return generated;
}

Generated from_prior(const GenerationView& view, PriorDraws& draws,
                     std::int64_t count, at::Generator& generator,
                     TaskCost& cost) {
  Generated generated;
  const Timer timer(cost.seconds);
  const AutocastScope autocast(view.context.precision, view.context.device);
  const auto draw = draws.next(count);
  generated.latents = draw.z;
  generated.samples =
      decode_samples(view, codes_of(view.model, draw.z, {}, generator));
  cost.nfe = draw.nfe + 1;
  return generated;
}

// Rows [first, first + count) of a task; nothing where none of the tuples has
// the source modalities.
std::optional<Generated> generate(const GenerationView& view,
                                  const LatentSource& source,
                                  const GenerationTask& task, Split split,
                                  std::int64_t first, std::int64_t count,
                                  at::Generator& generator, TaskCost& cost) {
  auto truth =
      tuples_with(view.dataset.gather(
                      split, index_range(first, count, view.context.device)),
                  task.source);
  if (truth.size() == 0) {
    return std::nullopt;
  }
  return from_data(view, source, task, std::move(truth), generator, cost);
}

}  // namespace

at::Tensor presence_of(const GenerationView& view, ModalitySubset subset,
                       std::int64_t rows) {
  const auto count = static_cast<std::int64_t>(view.model.modalities().size());
  auto row = at::zeros({count}, at::kBool);
  for (const auto m : subset.indices()) {
    row[static_cast<std::int64_t>(m)] = true;
  }
  return row.to(view.context.device).unsqueeze(0).expand({rows, count});
}

Batch tuples_with(const Batch& batch, ModalitySubset subset) {
  if (subset.empty() || batch.presence.all().item<bool>()) {
    return batch;
  }
  std::vector<at::Tensor> columns;
  for (const auto m : subset.indices()) {
    columns.push_back(batch.presence.select(1, static_cast<std::int64_t>(m)));
  }
  const auto rows = at::stack(columns).all(0).nonzero().squeeze(1);
  const auto chosen = [&rows](const at::Tensor& x) {
    return x.defined() ? x.index_select(0, rows) : x;
  };
  Batch result;
  for (const auto& data : batch.data) {
    result.data.push_back(chosen(data));
  }
  result.presence = chosen(batch.presence);
  result.labels = chosen(batch.labels);
  result.ids = chosen(batch.ids);
  return result;
}

std::vector<at::Tensor> decode_samples(const GenerationView& view,
                                       const std::vector<at::Tensor>& codes) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> samples;
  const auto& modalities = view.model.modalities();
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    samples.push_back(
        shown(modalities[m], view.model.decode(m, codes[m]).mode()));
  }
  return samples;
}

Condition make_condition(const GenerationView& view, const Batch& batch,
                         const std::vector<Features>& features,
                         ModalitySubset subset) {
  Condition condition;
  condition.subset = subset;
  condition.batch = batch;
  condition.features.resize(features.size());
  for (const auto m : subset.indices()) {
    condition.features[m] = features[m].shared.to(at::kFloat);
  }
  if (view.model.serves(subset)) {
    condition.posterior =
        view.model.fuse(features, presence_of(view, subset, batch.size()));
  }
  return condition;
}

bool serves_task(const MultimodalModel& model, const LatentSource& source,
                 const GenerationTask& task) {
  switch (task.route) {
    case Route::joint:
      return !source.is_posterior();
    case Route::conditional:
      return source.is_posterior() ? model.serves(task.source)
                                   : source.prior->traits().is_conditional;
    case Route::reconstruction:
      return source.is_posterior();
    case Route::importance:
      return source.is_posterior() && model.shared_prior()->traits().density ==
                                          PriorTraits::Density::normalised;
    case Route::aggregate:
      return true;
  }
  return false;
}

TaskCost run_task(const GenerationView& view, const LatentSource& source,
                  const GenerationTask& task, Split split,
                  const std::string& purpose,
                  const std::function<void(const Generated&)>& observe) {
  const bool gradients = source.prior && source.prior->traits().needs_gradients;
  const at::AutoGradMode grad_mode(gradients);
  const auto owner =
      task.route == Route::aggregate ? std::string("posterior") : source.name;
  auto generator =
      make_generator(view.context.seed,
                     purpose + "/" + owner + "/" + route_name(task.route) +
                         "/" + task.source.text(view.model.modalities()),
                     view.context.device);
  const auto& services = view.context.services;
  const auto label = source.name + " " + route_name(task.route) + " " +
                     task.source.text(view.model.modalities());
  TaskCost cost;
  std::optional<PriorDraws> draws;
  if (task.route == Route::joint) {
    draws.emplace(*source.prior, view.context, generator);
  }
  const auto batch_size =
      task.route == Route::importance
          ? std::max<std::int64_t>(
                1, view.batch_size / task.num_importance_samples)
          : view.batch_size;
  for (std::int64_t first = 0; first < task.num_samples; first += batch_size) {
    leave_if_cancelled(services.cancel);
    const auto count = std::min(batch_size, task.num_samples - first);
    auto generated = draws ? from_prior(view, *draws, count, generator, cost)
                           : generate(view, source, task, split, first, count,
                                      generator, cost);
    if (generated) {
      generated->task = &task;
      generated->judgements = judged(view, generated->samples);
      observe(*generated);
    }
    services.progress->report(label, first + count, task.num_samples);
  }
  return cost;
}

}  // namespace shalab
