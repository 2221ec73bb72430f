// A diffusion over the latent, fitted to the aggregate posterior: joint draws
// without a condition, conditional draws given one modality's features
// (ShaLa, eq. 5 to 7).
//
// z_0 here is the standardised latent; only prepare(), loss() and the ends of
// draw() see the raw one.

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "guided_prediction.h"
#include "network.h"
#include "options.h"
#include "shalab/error.h"
#include "shalab/nn/counter.h"
#include "shalab/nn/ema.h"
#include "shalab/nn/latent_moments.h"
#include "shalab/prior.h"

namespace shalab::diffusion {
namespace {

constexpr std::int64_t kRowsAtOnce = 2000;

std::string number(double value) { return to_text(FieldValue(value)); }

void freeze(torch::nn::Module& module) {
  for (auto& parameter : module.parameters()) {
    parameter.set_requires_grad(false);
  }
}

class DiffusionPrior : public Prior {
 public:
  DiffusionPrior(const Options& options, const PriorContext& context);

  PriorTraits traits() const override {
    PriorTraits traits;
    traits.fitting = PriorTraits::Fitting::by_steps;
    traits.is_conditional = true;
    traits.reads_data = options_.reads_data;
    return traits;
  }
  std::string generation(bool conditional) const override;
  void prepare(const LatentSet& latents) override;
  Terms loss(const LatentBatch& batch, double progress,
             at::Generator& generator) override;
  void after_step(double progress) override;
  void after_training(const at::Tensor& latents) override;

 protected:
  Draw do_sample(std::int64_t n, at::Generator& generator) override;
  Draw do_sample_given(const Condition& condition,
                       at::Generator& generator) override;

 private:
  // Rows first..first + count of a draw -> their guidance.
  using GuidanceOf =
      std::function<GuidedPrediction(std::int64_t, std::int64_t)>;

  std::size_t num_modalities() const { return context().modalities.size(); }
  void register_statistics();
  at::Tensor source(std::size_t m, const std::vector<at::Tensor>& features,
                    const Batch& batch) const;
  at::Tensor embed(Network& network, std::size_t m, const at::Tensor& x) const;
  at::Tensor training_condition(const LatentBatch& batch,
                                at::Generator& generator);
  void take_early();
  std::int64_t checked_rows(const Condition& condition) const;
  std::vector<at::Tensor> conditions(const Condition& condition,
                                     std::int64_t first, std::int64_t count,
                                     at::Generator& generator);
  at::Tensor noised_start(const Condition& condition, at::Generator& generator);
  at::Tensor noise(std::int64_t rows, at::Generator& generator) const;
  nn::Solution solve_rows(const at::Tensor& z, double from,
                          const GuidedPrediction& guided,
                          at::Generator& generator) const;
  Draw draw(const at::Tensor& z, double from, const GuidanceOf& guidance,
            at::Generator& generator) const;

  Options options_;
  nn::NoiseSchedule schedule_;
  std::shared_ptr<Network> network_;  // what the optimiser sees
  std::shared_ptr<Network> average_;  // its EMA: what samples
  std::shared_ptr<Network> early_;    // the EMA at `snapshot`; null = none
  std::shared_ptr<nn::Ema> ema_;
  std::shared_ptr<nn::Counter> early_at_;  // EMA updates when taken, 0 = not
  at::Tensor alpha_, sigma_;               // [T] by index
  nn::Moments latent_;
  std::vector<nn::Moments> features_;
};

DiffusionPrior::DiffusionPrior(const Options& options,
                               const PriorContext& context)
    : Prior(context),
      options_(options),
      schedule_(nn::NoiseSchedule::named(options.noise)),
      network_(register_module("network",
                               std::make_shared<Network>(options, context))),
      average_(register_module("average",
                               std::make_shared<Network>(options, context))),
      ema_(register_module("ema", std::make_shared<nn::Ema>(options.ema))),
      early_at_(register_module("early_at", std::make_shared<nn::Counter>())) {
  nn::copy_parameters(*average_, *network_);
  freeze(*average_);
  if (options.snapshot > 0.0) {
    early_ =
        register_module("early", std::make_shared<Network>(options, context));
    nn::copy_parameters(*early_, *network_);
    freeze(*early_);
  }
  register_statistics();
}

void DiffusionPrior::register_statistics() {
  alpha_ = at::empty({schedule_.size()});
  sigma_ = at::empty({schedule_.size()});
  for (std::int64_t i = 0; i < schedule_.size(); ++i) {
    const auto level = schedule_.at(schedule_.time_at(i));
    alpha_[i] = level.alpha;
    sigma_[i] = level.sigma;
  }
  alpha_ = register_buffer("alpha", alpha_);
  sigma_ = register_buffer("sigma", sigma_);
  const auto unit = [this](const std::string& name, std::int64_t size) {
    return nn::Moments{register_buffer(name + "_mean", at::zeros({size})),
                       register_buffer(name + "_deviation", at::ones({size}))};
  };
  latent_ = unit("latent", context().latent);
  if (options_.reads_data) return;
  for (std::size_t m = 0; m < num_modalities(); ++m) {
    features_.push_back(
        unit("features_" + std::to_string(m), context().features[m]));
  }
}

std::string DiffusionPrior::generation(bool conditional) const {
  const auto& sampling = options_.sampling;
  std::string text = nn::to_string(sampling.sampler) +
                     " steps=" + std::to_string(sampling.steps);
  if (sampling.sampler != nn::SolverKind::ddpm) {
    text += " grid=" + nn::to_string(sampling.grid);
  }
  if (!conditional) {
    return text + " autoguidance=" + number(sampling.autoguidance);
  }
  return text + " guidance=" + number(sampling.guidance) +
         " null=" + (sampling.has_early_null ? "early" : "own") +
         " subset=" + (sampling.averages_subset ? "average" : "random");
}

void DiffusionPrior::prepare(const LatentSet& latents) {
  if (!options_.standardises) return;
  const at::NoGradGuard no_grad;
  const auto set = [](nn::Moments& to, const nn::Moments& from) {
    to.mean.copy_(from.mean);
    to.deviation.copy_(from.deviation);
  };
  set(latent_, nn::aggregate_moments(latents));
  if (options_.reads_data) return;
  for (std::size_t m = 0; m < num_modalities(); ++m) {
    set(features_[m], nn::column_moments(source(m, latents.features, Batch())));
  }
}

// What modality m is conditioned on, checked: its features, or its data.
at::Tensor DiffusionPrior::source(std::size_t m,
                                  const std::vector<at::Tensor>& features,
                                  const Batch& batch) const {
  const auto& tensors = options_.reads_data ? batch.data : features;
  const std::string what = (options_.reads_data ? "data" : "features") +
                           std::string(" of ") + context().modalities[m].name;
  if (m >= tensors.size() || !tensors[m].defined()) {
    throw Error(ErrorKind::run, "diffusion: no " + what + " to condition on",
                options_.reads_data
                    ? "condition = x reads the batch's data"
                    : "condition = h reads the features of the first stage");
  }
  const auto& x = tensors[m];
  if (options_.reads_data) {
    const auto& shape = context().modalities[m].shape;
    SHALAB_CHECK(x.dim() >= 1 && x.sizes().slice(1) == at::IntArrayRef(shape),
                 what + " do not have the shape of the modality");
  } else if (x.dim() != 2 || x.size(1) != context().features[m]) {
    throw Error(ErrorKind::run,
                "diffusion: " + what + " must be [B, " +
                    std::to_string(context().features[m]) + "], got " +
                    std::to_string(x.dim()) + " dimensions, the last of " +
                    std::to_string(x.size(-1)),
                "use the features of the first stage that it was fitted on");
  }
  return x;
}

at::Tensor DiffusionPrior::embed(Network& network, std::size_t m,
                                 const at::Tensor& x) const {
  if (options_.reads_data) return network.embed(m, x);
  return network.embed(m, (x - features_[m].mean) / features_[m].deviation);
}

// Row i is told modality j(i): equal shares of the batch in order, which is
// uniform because the rows come shuffled. Null where dropped or absent.
at::Tensor DiffusionPrior::training_condition(const LatentBatch& batch,
                                              at::Generator& generator) {
  const std::int64_t rows = batch.z.size(0);
  const auto shares = static_cast<std::int64_t>(num_modalities());
  std::vector<at::Tensor> told, absent;
  for (std::int64_t m = 0; m < shares; ++m) {
    const std::int64_t first = rows * m / shares;
    const std::int64_t count = rows * (m + 1) / shares - first;
    if (count == 0) continue;
    const auto x = source(m, batch.features, batch.batch);
    told.push_back(embed(*network_, m, x.narrow(0, first, count)));
    if (!batch.batch.presence.defined()) continue;
    absent.push_back(batch.batch.presence.narrow(0, first, count)
                         .select(1, m)
                         .logical_not());
  }
  auto is_null = at::rand({rows, 1}, generator, alpha_.options()) <
                 options_.condition_dropout;
  if (!absent.empty()) is_null = is_null | at::cat(absent).unsqueeze(1);
  return at::where(is_null, network_->null_condition(rows), at::cat(told));
}

Terms DiffusionPrior::loss(const LatentBatch& batch, double,
                           at::Generator& generator) {
  const std::int64_t rows = batch.z.size(0);
  const auto z = (batch.z - latent_.mean) / latent_.deviation;
  const auto index = at::randint(0, schedule_.size(), {rows}, generator,
                                 alpha_.options().dtype(at::kLong));
  const auto e = noise(rows, generator);
  const auto alpha = alpha_.index_select(0, index).unsqueeze(1);
  const auto sigma = sigma_.index_select(0, index).unsqueeze(1);
  const auto condition = training_condition(batch, generator);
  const auto prediction =
      network_->predict(alpha * z + sigma * e, index.to(at::kFloat), condition);
  const auto target = options_.predicts_velocity ? alpha * e - sigma * z : e;
  const auto loss = at::mse_loss(prediction, target);
  return {loss, {{"denoising", loss.detach()}}};
}

void DiffusionPrior::take_early() {
  if (!early_ || early_at_->value() > 0) return;
  nn::copy_parameters(*early_, *average_);
  early_at_->set(std::max<std::int64_t>(1, ema_->updates()));
}

void DiffusionPrior::after_step(double progress) {
  ema_->update(*average_, *network_);
  if (progress >= options_.snapshot) take_early();
}

void DiffusionPrior::after_training(const at::Tensor&) { take_early(); }

at::Tensor DiffusionPrior::noise(std::int64_t rows,
                                 at::Generator& generator) const {
  return at::randn({rows, context().latent}, generator, alpha_.options());
}

nn::Solution DiffusionPrior::solve_rows(const at::Tensor& z, double from,
                                        const GuidedPrediction& guided,
                                        at::Generator& generator) const {
  const auto& sampling = options_.sampling;
  const auto times = nn::solver_times(sampling.sampler, schedule_,
                                      sampling.grid, sampling.steps, from);
  const auto data = [&](const at::Tensor& z_t, double t) {
    const auto prediction = guided.predict(z_t, schedule_.index_of(t));
    const auto level = schedule_.at(t);
    return options_.predicts_velocity
               ? nn::data_from_velocity(z_t, prediction, level)
               : nn::data_from_noise(z_t, prediction, level);
  };
  auto solution =
      nn::solve(sampling.sampler, schedule_, times, z, data, generator);
  solution.evaluations *= guided.evaluations();
  return solution;
}

Draw DiffusionPrior::draw(const at::Tensor& z, double from,
                          const GuidanceOf& guidance,
                          at::Generator& generator) const {
  Draw result;
  std::vector<at::Tensor> parts{z.narrow(0, 0, 0)};
  for (std::int64_t first = 0; first < z.size(0); first += kRowsAtOnce) {
    const auto count = std::min(kRowsAtOnce, z.size(0) - first);
    const auto solution = solve_rows(z.narrow(0, first, count), from,
                                     guidance(first, count), generator);
    parts.push_back(solution.z);
    result.nfe = solution.evaluations;
  }
  result.z = at::cat(parts) * latent_.deviation + latent_.mean;
  return result;
}

Draw DiffusionPrior::do_sample(std::int64_t n, at::Generator& generator) {
  const at::NoGradGuard no_grad;
  const auto guidance = [this](std::int64_t, std::int64_t) {
    return GuidedPrediction::joint(*average_, early_.get(),
                                   options_.sampling.autoguidance);
  };
  return draw(noise(n, generator), 1.0, guidance, generator);
}

std::int64_t DiffusionPrior::checked_rows(const Condition& condition) const {
  std::int64_t rows = -1;
  for (const std::size_t m : condition.subset.indices()) {
    if (m >= num_modalities()) {
      throw Error(ErrorKind::usage,
                  "diffusion: the condition names modality " +
                      std::to_string(m) + " of " +
                      std::to_string(num_modalities()),
                  "condition on modalities of the dataset it was fitted on");
    }
    const auto x = source(m, condition.features, condition.batch);
    SHALAB_CHECK(rows < 0 || x.size(0) == rows,
                 "the condition's modalities differ in rows");
    rows = x.size(0);
  }
  return rows;
}

// One [count, W] per conditional prediction: a single one, or one per
// modality of the subset when they are averaged.
std::vector<at::Tensor> DiffusionPrior::conditions(const Condition& condition,
                                                   std::int64_t first,
                                                   std::int64_t count,
                                                   at::Generator& generator) {
  std::vector<at::Tensor> told;
  for (const std::size_t m : condition.subset.indices()) {
    const auto x = source(m, condition.features, condition.batch);
    told.push_back(embed(*average_, m, x.narrow(0, first, count)));
  }
  const auto choices = static_cast<std::int64_t>(told.size());
  if (choices == 1 || options_.sampling.averages_subset) return told;
  const auto choice = at::randint(0, choices, {count}, generator,
                                  alpha_.options().dtype(at::kLong));
  const auto index =
      choice.view({1, count, 1}).expand({1, count, told[0].size(1)});
  return {at::stack(told).gather(0, index).squeeze(0)};
}

at::Tensor DiffusionPrior::noised_start(const Condition& condition,
                                        at::Generator& generator) {
  const auto& start = condition.start;
  SHALAB_CHECK(start.dim() == 2 && start.size(1) == context().latent,
               "a start must be [B, D]");
  if (!(condition.noise_level > 0.0 && condition.noise_level <= 1.0)) {
    throw Error(ErrorKind::usage,
                "the noise level of a start must lie in (0, 1], got " +
                    number(condition.noise_level),
                "0.5 keeps about half of it");
  }
  const auto level =
      schedule_.at(std::min(condition.noise_level, schedule_.start()));
  const auto z = (start - latent_.mean) / latent_.deviation;
  return z * level.alpha + noise(start.size(0), generator) * level.sigma;
}

Draw DiffusionPrior::do_sample_given(const Condition& condition,
                                     at::Generator& generator) {
  const at::NoGradGuard no_grad;
  const std::int64_t rows = checked_rows(condition);
  const bool has_start = condition.start.defined();
  SHALAB_CHECK(!has_start || condition.start.size(0) == rows,
               "the start and the condition differ in rows");
  const auto z =
      has_start ? noised_start(condition, generator) : noise(rows, generator);
  const auto guidance = [&](std::int64_t first, std::int64_t count) {
    return GuidedPrediction::conditional(
        *average_, options_.sampling.has_early_null ? *early_ : *average_,
        conditions(condition, first, count, generator),
        options_.sampling.guidance);
  };
  return draw(z, has_start ? condition.noise_level : 1.0, guidance, generator);
}

std::shared_ptr<Prior> make(const Settings& settings,
                            const PriorContext& context) {
  return std::make_shared<DiffusionPrior>(read_options(settings), context);
}

}  // namespace
}  // namespace shalab::diffusion

using shalab::diffusion::declare_fields;
using shalab::diffusion::make;
SHALAB_PLUGIN(prior, 1,
              "a diffusion over z, conditional on one modality's features",
              declare_fields, make)
