#pragma once
// A toy for conditional priors: z in two modes, two modalities that tell which.

#include <ATen/ATen.h>
#include <torch/optim/adamw.h>

#include <cmath>
#include <memory>
#include <numbers>

#include "load_prior.h"
#include "shalab/random.h"

namespace shalab {

inline constexpr std::int64_t kFirstFeatures = 3;
inline constexpr std::int64_t kSecondFeatures = 2;

// z = (side 4, 10) + e, side = -1 or 1 (first half, second half of the
// rows); features of either modality hold side, scaled, in their first column.
inline LatentSet two_modes(std::int64_t rows) {
  auto generator = make_generator(11, "modes");
  const auto side =
      at::cat({at::full({rows / 2}, -1.0f), at::full({rows - rows / 2}, 1.0f)});
  const auto noise = [&](std::int64_t columns) {
    return at::randn({rows, columns}, generator);
  };
  LatentSet latents;
  latents.mean = at::stack({side * 4, at::full({rows}, 10.0f)}, 1);
  latents.log_var = at::zeros({rows, 2});
  latents.features = {noise(kFirstFeatures), noise(kSecondFeatures)};
  latents.features[0].select(1, 0).copy_(side * 5);
  latents.features[1].select(1, 0).copy_(side * 0.1);
  return latents;
}

inline PriorContext two_modes_context() {
  ModalitySpec first, second;
  first.name = "photo";
  first.shape = {kFirstFeatures};
  second.name = "word";
  second.shape = {kSecondFeatures};
  PriorContext context;
  context.latent = 2;
  context.modalities = {first, second};
  context.features = {kFirstFeatures, kSecondFeatures};
  return context;
}

// A small diffusion prior: keys are added to these.
inline std::shared_ptr<Prior> small_diffusion(const Keys& more = {}) {
  Keys keys{
      {"width", std::int64_t{32}}, {"blocks", std::int64_t{2}}, {"ema", 0.98}};
  keys.insert(keys.end(), more.begin(), more.end());
  return make_prior("diffusion", two_modes_context(), keys);
}

inline LatentBatch batch_of(const LatentSet& latents, std::int64_t rows,
                            at::Generator& generator) {
  const auto index =
      at::randint(0, latents.mean.size(0), {rows}, generator, at::kLong);
  LatentBatch batch;
  batch.z = latents.draw(index, generator);
  for (const auto& h : latents.features) {
    batch.features.push_back(h.index_select(0, index));
  }
  batch.batch.data = batch.features;
  return batch;
}

// As the host does it, the learning rate falling to zero by a cosine. Returns
// the last loss.
inline double train(Prior& prior, const LatentSet& latents,
                    std::int64_t steps) {
  constexpr double kPeakRate = 5e-3;
  auto generator = make_generator(3, "train");
  std::vector<at::Tensor> trained;
  for (const auto& p : prior.parameters()) {
    if (p.requires_grad()) trained.push_back(p);
  }
  torch::optim::AdamW optimiser(trained, torch::optim::AdamWOptions(kPeakRate));
  prior.prepare(latents);
  double last = 0.0;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double progress = double(i) / double(steps);
    optimiser.param_groups()[0].options().set_lr(
        kPeakRate * 0.5 *
        (1.0 + std::cos(std::numbers::pi * prior.schedule_progress(progress))));
    const auto terms =
        prior.loss(batch_of(latents, 128, generator), progress, generator);
    optimiser.zero_grad();
    terms.loss.backward();
    optimiser.step();
    prior.after_step(progress);
    last = terms.loss.item<double>();
  }
  prior.after_training(latents.mean);
  return last;
}

// Copies what a checkpoint holds.
inline void load_from(Prior& to, const Prior& from) {
  const at::NoGradGuard no_grad;
  const auto copy = [](auto targets, const auto& sources) {
    for (const auto& item : sources) targets[item.key()].copy_(item.value());
  };
  copy(to.named_parameters(), from.named_parameters());
  copy(to.named_buffers(), from.named_buffers());
}

inline Condition condition_on(ModalitySubset subset, const at::Tensor& side) {
  auto generator = make_generator(17, "condition");
  Condition condition;
  condition.subset = subset;
  condition.features.resize(2);
  const std::int64_t sizes[] = {kFirstFeatures, kSecondFeatures};
  const double scales[] = {5.0, 0.1};
  for (const std::size_t m : subset.indices()) {
    auto h = at::randn({side.size(0), sizes[m]}, generator);
    h.select(1, 0).copy_(side * scales[m]);
    condition.features[m] = h;
  }
  condition.batch.data = condition.features;
  return condition;
}

}  // namespace shalab
