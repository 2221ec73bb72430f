#include "run/generate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <chrono>

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
  for (std::size_t m = 0; m < view.judges.judges.size(); ++m) {
    const auto& judge = view.judges.judges[m];
    result.push_back(judge ? judge->judge(samples[m]) : Judgement{});
  }
  return result;
}

at::Tensor presence_of(ModalitySubset subset, std::size_t num_modalities,
                       std::int64_t rows, c10::Device device) {
  auto row = at::zeros({static_cast<std::int64_t>(num_modalities)}, at::kBool);
  for (const auto m : subset.indices()) {
    row[static_cast<std::int64_t>(m)] = true;
  }
  return row.to(device).unsqueeze(0).expand(
      {rows, static_cast<std::int64_t>(num_modalities)});
}

Draw latent_of_posterior(const GenerationView& view, const GenerationTask& task,
                         const std::vector<Features>& features,
                         std::int64_t rows, at::Generator& generator) {
  const auto count = view.model.modalities().size();
  const auto subset = task.route == Route::reconstruction
                          ? ModalitySubset::all(count)
                          : task.source;
  const auto posterior = view.model.fuse(
      features, presence_of(subset, count, rows, view.context.device));
  if (task.route == Route::reconstruction) {
    return {posterior.mean(), 0};
  }
  return {posterior.rsample(1, generator)[0], 0};
}

// log w = log p(x | z) + log p(z) - log q(z | X), K draws of q: [K, B].
at::Tensor log_weights(const GenerationView& view, const Batch& batch,
                       const std::vector<Features>& features,
                       std::int64_t num_samples, at::Generator& generator) {
  auto& model = view.model;
  const auto posterior = model.fuse(features, batch.presence);
  const auto z = posterior.rsample(num_samples, generator);
  auto result = model.prior().log_prob(z) - posterior.log_prob(z);
  const auto flat = z.flatten(0, 1);
  for (std::size_t m = 0; m < model.modalities().size(); ++m) {
    const auto likelihood =
        model.decode(m, flat).unflatten(num_samples, batch.size());
    result = result + likelihood.log_prob(batch.data[m]) *
                          batch.presence.select(1, static_cast<long>(m));
  }
  return result;
}

// One batch of rows [first, first + count) of a task that starts from data.
Generated from_data(const GenerationView& view, const LatentSource& source,
                    const GenerationTask& task, Split split, std::int64_t first,
                    std::int64_t count, at::Generator& generator,
                    TaskCost& cost) {
  Generated generated;
  generated.truth = view.dataset.gather(
      split, index_range(first, count, view.context.device));
  const Timer timer(cost.seconds);
  const AutocastScope autocast(view.context.precision, view.context.device);
  const auto features = view.model.encode(generated.truth);
  if (task.route == Route::importance) {
    generated.log_weights = log_weights(view, generated.truth, features,
                                        task.num_importance_samples, generator);
    cost.nfe = 1;
    return generated;
  }
  const auto draw =
      source.is_posterior()
          ? latent_of_posterior(view, task, features, count, generator)
          : source.prior->sample_given(
                make_condition(view, generated.truth, features, task.source),
                generator);
  generated.latents = draw.z;
  generated.samples = decode_samples(view, draw.z);
  cost.nfe = draw.nfe + 1;
  return generated;
}

Generated from_prior(const GenerationView& view, const LatentSource& source,
                     std::int64_t count, at::Generator& generator,
                     TaskCost& cost) {
  Generated generated;
  const Timer timer(cost.seconds);
  const AutocastScope autocast(view.context.precision, view.context.device);
  const auto draw = source.prior->sample(count, generator);
  generated.latents = draw.z;
  generated.samples = decode_samples(view, draw.z);
  cost.nfe = draw.nfe + 1;
  return generated;
}

}  // namespace

std::vector<at::Tensor> decode_samples(const GenerationView& view,
                                       const at::Tensor& z) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> samples;
  const auto& modalities = view.model.modalities();
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    samples.push_back(shown(modalities[m], view.model.decode(m, z).mode()));
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
    condition.posterior = view.model.fuse(
        features, presence_of(subset, features.size(), batch.size(),
                              view.context.device));
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
    case Route::importance:
      return source.is_posterior();
  }
  return false;
}

TaskCost run_task(const GenerationView& view, const LatentSource& source,
                  const GenerationTask& task, Split split,
                  const std::string& purpose,
                  const std::function<void(const Generated&)>& observe) {
  const bool gradients = source.prior && source.prior->traits().needs_gradients;
  const at::AutoGradMode grad_mode(gradients);
  auto generator = make_generator(view.context.seed,
                                  purpose + "/" + source.name + "/" +
                                      route_name(task.route) + "/" +
                                      task.source.text(view.model.modalities()),
                                  view.context.device);
  const auto& services = view.context.services;
  const auto label = source.name + " " + route_name(task.route) + " " +
                     task.source.text(view.model.modalities());
  TaskCost cost;
  const auto batch_size =
      task.route == Route::importance
          ? std::max<std::int64_t>(
                1, view.batch_size / task.num_importance_samples)
          : view.batch_size;
  for (std::int64_t first = 0; first < task.num_samples; first += batch_size) {
    const auto count = std::min(batch_size, task.num_samples - first);
    auto generated = task.route == Route::joint
                         ? from_prior(view, source, count, generator, cost)
                         : from_data(view, source, task, split, first, count,
                                     generator, cost);
    generated.task = &task;
    generated.judgements = judged(view, generated.samples);
    observe(generated);
    services.progress->report(label, first + count, task.num_samples);
  }
  return cost;
}

}  // namespace shalab
