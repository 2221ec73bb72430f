#include "run/pipeline.h"

#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "model/product_rate.h"
#include "run/prior_terms.h"
#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

constexpr const char* kFirstStage = "first_stage.";
constexpr const char* kBest = "best.";
constexpr const char* kAverage = "average.";
constexpr std::int64_t kProductSide = 768;

std::string prefix_of(const FittedPrior& fitted) {
  return "fitted_prior." + fitted.name + ".";
}

// Tensors under `prefix`, by what follows it.
NamedTensors under(const NamedTensors& tensors, const std::string& prefix) {
  NamedTensors result;
  for (auto it = tensors.lower_bound(prefix);
       it != tensors.end() && it->first.rfind(prefix, 0) == 0; ++it) {
    result[it->first.substr(prefix.size())] = it->second;
  }
  return result;
}

void warn_of_slow_bf16(const RunContext& context) {
  if (context.precision != Precision::bf16 || !context.device.is_cpu()) return;
  const auto rate = [&context](Precision precision) {
    return product_gflops(context.device, precision, kProductSide);
  };
  const auto notice =
      slow_bf16_notice(rate(Precision::bf16), rate(Precision::fp32));
  if (!notice.empty()) context.services.logger->warn(notice);
}

}  // namespace

Pipeline::Pipeline(Experiment& experiment, const RunContext& context)
    : experiment_(experiment), context_(context) {}

std::size_t Pipeline::num_stages() const {
  return 1 + experiment_.fitted().size();
}

std::int64_t Pipeline::global_step() const { return steps_before_ + step_; }

NamedTensors Pipeline::all_tensors() const {
  auto result = tensors_of(experiment_.first_stage(), kFirstStage);
  for (const auto& fitted : experiment_.fitted()) {
    result.merge(tensors_of(*fitted.prior, prefix_of(fitted)));
  }
  for (const auto& [name, tensor] : best_.weights()) {
    result[kBest + name] = tensor;
  }
  for (const auto& [name, tensor] : average_.weights()) {
    result[kAverage + name] = tensor;
  }
  return result;
}

void Pipeline::load_all(const NamedTensors& tensors) {
  load_tensors(experiment_.first_stage(), tensors, kFirstStage);
  for (auto& fitted : experiment_.fitted()) {
    load_tensors(*fitted.prior, tensors, prefix_of(fitted));
  }
}

bool Pipeline::restore(const IdentityRule& rule) {
  const auto loaded = load_newest(context_.folder / "checkpoints");
  if (!loaded) {
    return false;
  }
  for (const auto& reason : loaded->skipped) {
    context_.services.logger->warn(reason);
  }
  const auto& checkpoint = loaded->checkpoint;
  const auto& state = checkpoint.state;
  check_identity(state.at("identity"), identity_of(experiment_), rule);
  use_execution(state);
  load_all(checkpoint.model);
  stage_ = state.at("stage").get<std::size_t>();
  step_ = state.at("step").get<std::int64_t>();
  steps_before_ = state.at("steps_before").get<std::int64_t>();
  pending_ = checkpoint.optimiser;
  average_.restore(under(checkpoint.model, kAverage));
  if (!state.at("best").is_null()) {
    best_.restore(state.at("best").at("value").get<double>(),
                  state.at("best").at("offers_since").get<std::int64_t>(),
                  under(checkpoint.model, kBest));
  }
  return true;
}

void Pipeline::use_execution(const nlohmann::json& state) {
  execution_.emplace();
  if (state.contains("execution")) {
    execution_ = execution_from(state.at("execution"));
  }
  const auto& run = experiment_.config().settings("run");
  if (run.integer("threads") > 0) execution_->threads = run.integer("threads");
  const std::string format = run.text("memory_format");
  for (auto& [name, own] : execution_->memory_formats) {
    if (format != "measured") own = format;
  }
  apply(*execution_, experiment_);
}

void Pipeline::choose_execution_once() {
  if (execution_) return;
  execution_ = choose_execution(experiment_, context_);
  if (!is_lead(context_)) return;
  context_.services.logger->info("execution: " + to_text(*execution_));
  warn_of_slow_bf16(context_);
  const auto file = context_.folder / "execution.json";
  write_file_atomically(file, to_json(*execution_).dump(2) + "\n");
  context_.sink->artifact("execution", file);
}

void Pipeline::adopt_first_stage(const std::filesystem::path& run_folder) {
  const auto loaded = load_newest(run_folder / "checkpoints");
  if (!loaded || loaded->checkpoint.state.at("stage").get<int>() < 1) {
    throw Error(
        ErrorKind::resume,
        "run folder " + run_folder.string() + " holds no trained first stage",
        "first_stage.run must name a run whose first stage finished");
  }
  check_same_first_stage(loaded->checkpoint.state.at("identity"),
                         identity_of(experiment_));
  load_tensors(experiment_.first_stage(), loaded->checkpoint.model,
               kFirstStage);
  begin_next_stage();
  save(nullptr);
}

void Pipeline::begin_next_stage() {
  steps_before_ += step_ + 1;
  step_ = 0;
  pending_.clear();
  ++stage_;
}

Outcome Pipeline::train() {
  choose_execution_once();
  while (stage_ < num_stages()) {
    const auto outcome = stage_ == 0 ? train_first_stage()
                                     : fit(experiment_.fitted()[stage_ - 1]);
    if (outcome == Outcome::cancelled) {
      return outcome;
    }
    begin_next_stage();
    save(nullptr);
  }
  return Outcome::finished;
}

void Pipeline::share(const torch::nn::Module& module) {
  if (context_.collective != nullptr) {
    context_.collective->share(tensors_of(module, ""));
  }
}

Outcome Pipeline::run_loop(StageOptions options, torch::nn::Module& stage,
                           StepHooks hooks,
                           const std::vector<ParameterGroup>& groups) {
  options.checkpoint_every = experiment_.options().checkpoint_every;
  options.log_every = experiment_.options().log_every;
  StepLoop loop(options, stage.parameters(), context_, groups);
  hooks.buffers = stage.buffers();
  if (step_ > 0) {
    loop.restore(step_, pending_);
  }
  hooks.checkpoint = [&] {
    step_ = loop.steps_done();
    save(&loop);
  };
  const auto outcome = loop.run(hooks);
  step_ = loop.steps_done();
  return outcome;
}

Outcome Pipeline::train_first_stage() {
  auto& stage = experiment_.first_stage();
  const auto& dataset = experiment_.dataset();
  const auto options = experiment_.train_options();
  stage.train();
  StepHooks hooks;
  hooks.gather = [&](const at::Tensor& indices) {
    return first_stage_terms(stage, dataset, indices);
  };
  const auto decay = experiment_.options().ema;
  hooks.after_step = [&](std::int64_t steps_done) {
    if (decay > 0) {
      average_.update(tensors_of(stage, kFirstStage), decay, steps_done);
    }
    return validate(steps_done, options);
  };
  const auto outcome =
      run_loop(options, stage, hooks, stage.parameter_groups());
  if (outcome == Outcome::finished) {
    stage.eval();
    if (decay > 0) {
      load_tensors(stage, average_.weights(), kFirstStage);
      average_ = WeightAverage();
    }
    if (experiment_.options().restore_best && best_.has_best()) {
      load_tensors(stage, best_.weights(), kFirstStage);
    }
    best_ = BestKeeper();
    auto& prior = experiment_.model().prior();
    if (prior.traits().fitting == PriorTraits::Fitting::with_model &&
        is_lead(context_)) {
      prior.finish(validation_latents(experiment_.model(), dataset, context_));
    }
    share(stage);
  }
  return outcome;
}

bool Pipeline::validate(std::int64_t steps_done, const StageOptions& options) {
  const auto every = experiment_.options().validate_every;
  if (every == 0 || steps_done % (every * options.steps_per_epoch()) != 0) {
    return false;
  }
  auto& stage = experiment_.first_stage();
  auto loss = at::zeros({1}, at::kDouble);
  if (is_lead(context_)) {
    stage.eval();
    loss.fill_(stage.validation_loss(experiment_.dataset(), context_,
                                     options.batch_size));
    stage.train();
  }
  if (context_.collective != nullptr) {
    context_.collective->share({{"loss", loss}});
  }
  const double value = loss.item<double>();
  if (is_lead(context_)) {
    context_.sink->curves(
        {{options.name, steps_done, "validation_loss", value}});
  }
  best_.offer(value, tensors_of(stage, kFirstStage));
  const auto patience = experiment_.options().early_stop;
  return patience > 0 && best_.offers_since() >= patience;
}

const LatentSet& Pipeline::latents() {
  if (!latents_) {
    experiment_.first_stage().eval();
    context_.services.logger->info("encoding the training split");
    latents_ = encode_split(experiment_.model(), experiment_.dataset(),
                            Split::train, context_)
                   .latents;
  }
  return *latents_;
}

Outcome Pipeline::fit(FittedPrior& fitted) {
  const auto fitting = fitted.prior->traits().fitting;
  auto& prior = *fitted.prior;
  if (fitting == PriorTraits::Fitting::by_steps) {
    const auto outcome = fit_by_steps(fitted);
    if (outcome == Outcome::cancelled) {
      return outcome;
    }
  } else {
    if (is_lead(context_)) {
      auto generator =
          make_generator(context_.seed, "fit/" + fitted.name, context_.device);
      prior.fit(latents(), context_.services, generator);
    }
    if (is_cancelled(context_)) return Outcome::cancelled;
  }
  prior.eval();
  if (is_lead(context_)) {
    prior.finish(validation_latents(experiment_.model(), experiment_.dataset(),
                                    context_));
  }
  share(prior);
  return Outcome::finished;
}

Outcome Pipeline::fit_by_steps(FittedPrior& fitted) {
  const auto options = stage_options(
      fitted.settings, "fitted_prior." + fitted.name, latents().mean.size(0));
  fitted.prior->train();
  if (step_ == 0) {
    fitted.prior->prepare(latents());
    share(*fitted.prior);
  }
  StepHooks hooks;
  hooks.gather = [&](const at::Tensor& indices) {
    return prior_terms(*fitted.prior, *latents_, experiment_.dataset(),
                       indices);
  };
  hooks.after_step = [&](std::int64_t steps_done) {
    fitted.prior->after_step(static_cast<double>(steps_done) /
                             static_cast<double>(options.num_steps()));
    return false;
  };
  hooks.schedule_progress = [&](double progress) {
    return fitted.prior->schedule_progress(progress);
  };
  hooks.phase = [&](double progress) { return fitted.prior->phase(progress); };
  return run_loop(options, *fitted.prior, hooks);
}

void Pipeline::save(const StepLoop* loop) {
  Checkpoint checkpoint;
  if (loop != nullptr) {
    checkpoint.optimiser = loop->state();
  }
  if (!is_lead(context_)) return;
  context_.sink->flush();
  checkpoint.model = all_tensors();
  nlohmann::json best;
  if (best_.has_best()) {
    best = {{"value", best_.best()}, {"offers_since", best_.offers_since()}};
  }
  checkpoint.state = {{"stage", stage_},
                      {"step", step_},
                      {"steps_before", steps_before_},
                      {"seed", context_.seed},
                      {"best", best},
                      {"identity", identity_of(experiment_)}};
  if (execution_) checkpoint.state["execution"] = to_json(*execution_);
  const auto root = context_.folder / "checkpoints";
  save_checkpoint(root, global_step(), checkpoint);
  prune(root, experiment_.options().keep, {});
}

}  // namespace shalab
