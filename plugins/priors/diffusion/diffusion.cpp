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

#include "conditioner.h"
#include "guided_prediction.h"
#include "network.h"
#include "options.h"
#include "shalab/error.h"
#include "shalab/nn/counter.h"
#include "shalab/nn/ema.h"
#include "shalab/nn/latent_moments.h"
#include "shalab/prior.h"
#include "solve_guided.h"
#include "student.h"

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
  double schedule_progress(double progress) const override;
  void prepare(const LatentSet& latents) override;
  Terms loss(const LatentBatch& batch, double progress,
             at::Generator& generator) override;
  void after_step(double progress) override;
  std::int64_t phase(double progress) const override;
  void after_training(const at::Tensor& latents) override;

 protected:
  Draw do_sample(std::int64_t n, at::Generator& generator) override;
  Draw do_sample_given(const Condition& condition,
                       at::Generator& generator) override;

 private:
  // Rows first..first + count of a draw -> their guidance.
  using GuidanceOf =
      std::function<GuidedPrediction(std::int64_t, std::int64_t)>;

  Conditioner register_statistics();
  void register_student(const PriorContext& context);
  std::shared_ptr<Network> frozen_copy(const std::string& name,
                                       const PriorContext& context);
  double teaching_share() const {
    return options_.student.steps > 0 ? 1.0 - options_.student.share : 1.0;
  }
  Terms denoising(const LatentBatch& batch, at::Generator& generator);
  void begin_student();
  Terms lesson(const LatentBatch& batch, at::Generator& generator);
  Network& null_network() const {
    return options_.sampling.has_early_null ? *early_ : *average_;
  }
  Network& sampling_network() const {
    return options_.sampling.uses_student ? *student_ : *average_;
  }
  void take_early();
  at::Tensor noised_start(const Condition& condition, at::Generator& generator);
  at::Tensor noise(std::int64_t rows, at::Generator& generator) const;
  std::vector<double> times_from(double from) const;
  Draw draw(const at::Tensor& z, double from, const GuidanceOf& guidance,
            at::Generator& generator) const;

  Options options_;
  nn::NoiseSchedule schedule_;
  std::shared_ptr<Network> network_;  // what the optimiser sees
  std::shared_ptr<Network> average_;  // its EMA: what samples
  std::shared_ptr<Network> early_;    // the EMA at `snapshot`; null = none
  std::shared_ptr<nn::Ema> ema_;
  std::shared_ptr<nn::Counter> early_at_;  // EMA updates when taken, 0 = not
  // Null without a student, whose live weights are network_'s from the step
  // after which student_begun_ is 1.
  std::shared_ptr<Network> student_;
  std::shared_ptr<nn::Ema> student_ema_;
  std::shared_ptr<nn::Counter> student_begun_;
  at::Tensor alpha_, sigma_;  // [T] by index
  nn::Moments latent_;
  Conditioner conditioner_;
};

DiffusionPrior::DiffusionPrior(const Options& options,
                               const PriorContext& context)
    : Prior(context),
      options_(options),
      schedule_(nn::NoiseSchedule::named(options.noise)),
      network_(register_module("network",
                               std::make_shared<Network>(options, context))),
      average_(frozen_copy("average", context)),
      ema_(register_module("ema", std::make_shared<nn::Ema>(options.ema))),
      early_at_(register_module("early_at", std::make_shared<nn::Counter>())),
      conditioner_(register_statistics()) {
  if (options.snapshot > 0.0) early_ = frozen_copy("early", context);
  if (options.student.steps > 0) register_student(context);
}

std::shared_ptr<Network> DiffusionPrior::frozen_copy(
    const std::string& name, const PriorContext& context) {
  auto copy =
      register_module(name, std::make_shared<Network>(options_, context));
  nn::copy_parameters(*copy, *network_);
  freeze(*copy);
  return copy;
}

void DiffusionPrior::register_student(const PriorContext& context) {
  student_ = frozen_copy("student", context);
  student_ema_ =
      register_module("student_ema", std::make_shared<nn::Ema>(options_.ema));
  student_begun_ =
      register_module("student_begun", std::make_shared<nn::Counter>());
}

Conditioner DiffusionPrior::register_statistics() {
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
  std::vector<nn::Moments> features;
  for (std::size_t m = 0; m < context().features.size(); ++m) {
    if (options_.reads_data) break;
    features.push_back(
        unit("features_" + std::to_string(m), context().features[m]));
  }
  return Conditioner(context(), std::move(features));
}

std::string DiffusionPrior::generation(bool conditional) const {
  const auto& sampling = options_.sampling;
  const auto& student = options_.student;
  if (sampling.uses_student) {
    return "student steps=" + std::to_string(student.steps) +
           (conditional ? " of guidance=" + number(student.guidance)
                        : " of autoguidance=" + number(student.autoguidance));
  }
  std::string text = nn::to_string(sampling.sampler) +
                     " steps=" + std::to_string(sampling.steps);
  if (sampling.sampler != nn::SolverKind::ddpm) {
    text += " grid=" + nn::to_string(sampling.grid);
  }
  if (sampling.halt_at > 0.0) text += " halt_at=" + number(sampling.halt_at);
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
  const auto moments = nn::aggregate_moments(latents);
  latent_.mean.copy_(moments.mean);
  latent_.deviation.copy_(moments.deviation);
  conditioner_.standardise(latents);
}

// Both parts of training have the whole schedule to themselves.
double DiffusionPrior::schedule_progress(double progress) const {
  const double share = teaching_share();
  return progress < share ? progress / share
                          : (progress - share) / (1.0 - share);
}

Terms DiffusionPrior::loss(const LatentBatch& batch, double progress,
                           at::Generator& generator) {
  if (progress < teaching_share()) return denoising(batch, generator);
  begin_student();
  return lesson(batch, generator);
}

Terms DiffusionPrior::denoising(const LatentBatch& batch,
                                at::Generator& generator) {
  const std::int64_t rows = batch.z.size(0);
  const auto z = (batch.z - latent_.mean) / latent_.deviation;
  const auto index = at::randint(0, schedule_.size(), {rows}, generator,
                                 alpha_.options().dtype(at::kLong));
  const auto e = noise(rows, generator);
  const auto alpha = alpha_.index_select(0, index).unsqueeze(1);
  const auto sigma = sigma_.index_select(0, index).unsqueeze(1);
  const auto condition = conditioner_.for_training(
      *network_, batch, options_.condition_dropout, generator);
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

void DiffusionPrior::begin_student() {
  if (student_begun_->value() > 0) return;
  take_early();
  nn::copy_parameters(*network_, *average_);
  student_begun_->set(1);
}

// Half of the trajectories are joint draws, half conditional ones.
Terms DiffusionPrior::lesson(const LatentBatch& batch,
                             at::Generator& generator) {
  const auto& student = options_.student;
  const auto rows = std::max<std::int64_t>(2, batch.z.size(0) / student.steps);
  const auto joint = rows / 2;
  const auto told = leading(batch, std::min(rows - joint, batch.z.size(0)));
  const auto given = told.z.size(0);
  const auto teacher = [&] {
    const at::NoGradGuard no_grad;
    return conditioner_.for_training(*average_, told, 0.0, generator);
  }();
  const auto freely = teach(
      schedule_, student.steps,
      GuidedPrediction::joint(*average_, early_.get(), student.autoguidance),
      noise(joint, generator), generator);
  const auto guided =
      teach(schedule_, student.steps,
            GuidedPrediction::conditional(*average_, null_network(), {teacher},
                                          student.guidance),
            noise(given, generator), generator);
  const auto condition =
      at::cat({network_->null_condition(joint * student.steps),
               conditioner_.for_training(*network_, told, 0.0, generator)
                   .repeat({student.steps, 1})});
  const auto prediction = network_->predict(
      at::cat({freely.z, guided.z}),
      at::cat({freely.time_index, guided.time_index}), condition);
  const auto error =
      (prediction - at::cat({freely.velocity, guided.velocity})).square();
  const auto loss = (error * at::cat({freely.weight, guided.weight})).mean();
  return {loss, {{"distillation", loss.detach()}}};
}

std::int64_t DiffusionPrior::phase(double progress) const {
  return progress < teaching_share() ? 0 : 1;
}

void DiffusionPrior::after_step(double progress) {
  if (student_begun_ && student_begun_->value() > 0) {
    student_ema_->update(*student_, *network_);
    return;
  }
  ema_->update(*average_, *network_);
  if (progress >= options_.snapshot * teaching_share()) take_early();
}

void DiffusionPrior::after_training(const at::Tensor&) { take_early(); }

at::Tensor DiffusionPrior::noise(std::int64_t rows,
                                 at::Generator& generator) const {
  return at::randn({rows, context().latent}, generator, alpha_.options());
}

std::vector<double> DiffusionPrior::times_from(double from) const {
  const auto& sampling = options_.sampling;
  if (!sampling.uses_student) {
    return halted(nn::solver_times(sampling.sampler, schedule_, sampling.grid,
                                   sampling.steps, from),
                  sampling.halt_at);
  }
  if (from < 1.0) {
    throw Error(ErrorKind::usage,
                "diffusion: a student starts from noise only, not from a "
                "noised latent",
                "use another sampler for style transfer");
  }
  return student_times(schedule_, options_.student.steps);
}

Draw DiffusionPrior::draw(const at::Tensor& z, double from,
                          const GuidanceOf& guidance,
                          at::Generator& generator) const {
  const auto& sampling = options_.sampling;
  const ReverseProcess process{
      schedule_,
      sampling.uses_student ? nn::SolverKind::ddim : sampling.sampler,
      options_.predicts_velocity};
  const auto times = times_from(from);
  Draw result;
  std::vector<at::Tensor> parts{z.narrow(0, 0, 0)};
  for (std::int64_t first = 0; first < z.size(0); first += kRowsAtOnce) {
    const auto count = std::min(kRowsAtOnce, z.size(0) - first);
    const auto solution = solve_guided(process, times, guidance(first, count),
                                       z.narrow(0, first, count), generator);
    parts.push_back(solution.z);
    result.nfe = solution.evaluations;
  }
  result.z = at::cat(parts) * latent_.deviation + latent_.mean;
  return result;
}

Draw DiffusionPrior::do_sample(std::int64_t n, at::Generator& generator) {
  const at::NoGradGuard no_grad;
  const auto guidance = [this](std::int64_t, std::int64_t) {
    const auto& sampling = options_.sampling;
    return GuidedPrediction::joint(
        sampling_network(), early_.get(),
        sampling.uses_student ? 1.0 : sampling.autoguidance);
  };
  return draw(noise(n, generator), 1.0, guidance, generator);
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
  const std::int64_t rows = conditioner_.rows_of(condition);
  const bool has_start = condition.start.defined();
  SHALAB_CHECK(!has_start || condition.start.size(0) == rows,
               "the start and the condition differ in rows");
  const auto z =
      has_start ? noised_start(condition, generator) : noise(rows, generator);
  const auto guidance = [&](std::int64_t first, std::int64_t count) {
    const auto& sampling = options_.sampling;
    return GuidedPrediction::conditional(
        sampling_network(), null_network(),
        conditioner_.for_sampling(sampling_network(), condition, first, count,
                                  sampling.averages_subset, generator),
        sampling.uses_student ? 1.0 : sampling.guidance);
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
SHALAB_PLUGIN(prior, 2,
              "a diffusion over z, conditional on one modality's features",
              declare_fields, make)
