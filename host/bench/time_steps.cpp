#include "bench/time_steps.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "run/prior_terms.h"
#include "run/step_loop.h"
#include "shalab/error.h"

namespace shalab {

namespace {

constexpr std::int64_t kLatents = 20000;
constexpr const char* kFirstStage = "first_stage";

// What is timed: its options, parameters and terms.
struct Stage {
  StageOptions options;
  std::vector<at::Tensor> parameters;
  std::vector<ParameterGroup> groups;
  StepHooks hooks;
};

Stage first_stage(Experiment& experiment) {
  auto& stage = experiment.first_stage();
  stage.train();
  Stage result{experiment.train_options(),
               stage.parameters(),
               stage.parameter_groups(),
               {}};
  result.hooks.gather = [&](const at::Tensor& indices) {
    return first_stage_terms(stage, experiment.dataset(), indices);
  };
  return result;
}

FittedPrior& fitted_prior(Experiment& experiment, const std::string& stage) {
  std::string known = kFirstStage;
  for (auto& fitted : experiment.fitted()) {
    const std::string name = "fitted_prior." + fitted.name;
    const bool has_steps =
        fitted.prior->traits().fitting == PriorTraits::Fitting::by_steps;
    if (has_steps && name == stage) return fitted;
    if (has_steps) known += ", " + name;
  }
  throw Error(ErrorKind::usage, "no stage '" + stage + "' that trains by steps",
              "one of " + known);
}

LatentSet random_latents(const PriorContext& context, c10::Device device) {
  const auto options = at::TensorOptions(at::kFloat).device(device);
  LatentSet latents;
  latents.mean = at::randn({kLatents, context.latent}, options);
  latents.log_var = at::zeros({kLatents, context.latent}, options);
  for (const auto columns : context.features) {
    latents.features.push_back(at::randn({kLatents, columns}, options));
  }
  return latents;
}

Stage prior_stage(Experiment& experiment, const RunContext& context,
                  const std::string& name) {
  auto& fitted = fitted_prior(experiment, name);
  const auto latents = std::make_shared<LatentSet>(
      random_latents(fitted.prior->context(), context.device));
  fitted.prior->train();
  fitted.prior->prepare(*latents);
  Stage result{stage_options(fitted.settings, name, kLatents),
               fitted.prior->parameters(),
               {},
               {}};
  auto* prior = fitted.prior.get();
  result.hooks.gather = [&experiment, prior,
                         latents](const at::Tensor& indices) {
    return prior_terms(*prior, *latents, experiment.dataset(), indices);
  };
  result.hooks.after_step = [prior](std::int64_t) {
    prior->after_step(0.0);
    return false;
  };
  result.hooks.phase = [prior](double progress) {
    return prior->phase(progress);
  };
  return result;
}

std::map<std::string, OpCost> per_step(std::map<std::string, OpCost> costs,
                                       std::int64_t steps) {
  const auto share = 1.0 / static_cast<double>(steps);
  for (auto& [name, cost] : costs) {
    cost.seconds *= share;
    cost.flop *= share;
    cost.bytes *= share;
  }
  return costs;
}

std::map<std::string, double> difference(
    const std::map<std::string, double>& after,
    const std::map<std::string, double>& before, std::int64_t steps) {
  std::map<std::string, double> result;
  for (const auto& [part, seconds] : after) {
    const auto found = before.find(part);
    const double start = found == before.end() ? 0.0 : found->second;
    result[part] = (seconds - start) / static_cast<double>(steps);
  }
  return result;
}

// Until all that was asked of a GPU is done.
void wait_for(c10::Device device) {
  if (device.is_cuda()) {
    at::detail::getCUDAHooks().deviceSynchronize(device.index());
  }
}

StepLoop loop_of(Stage& stage, const RunContext& context, std::int64_t steps) {
  stage.options.max_steps = steps;
  stage.options.epochs = 1 + steps / stage.options.steps_per_epoch();
  stage.options.log_every = steps;
  return {stage.options, stage.parameters, context, stage.groups};
}

void time_loop(Stage& stage, const RunContext& context,
               const TimingOptions& options, Timing& timing) {
  auto loop = loop_of(stage, context, options.warmup + options.steps);
  timing.parameters = loop.optimiser().num_parameters();
  timing.batch_size = stage.options.batch_size;
  auto hooks = stage.hooks;
  auto last = std::chrono::steady_clock::now();
  std::map<std::string, double> before;
  hooks.after_step = [&](std::int64_t done) {
    const bool stop = stage.hooks.after_step && stage.hooks.after_step(done);
    wait_for(context.device);
    const auto now = std::chrono::steady_clock::now();
    if (done > options.warmup) {
      timing.seconds.push_back(
          std::chrono::duration<double>(now - last).count());
    }
    if (done == options.warmup) before = loop.clock().seconds();
    last = std::chrono::steady_clock::now();
    return stop;
  };
  loop.run(hooks);
  timing.part_seconds =
      difference(loop.clock().seconds(), before, options.steps);
  timing.kernels = loop.num_kernels();
}

// Operator by operator, also where a GPU would replay the step.
void profile_loop(Stage& stage, const RunContext& context,
                  const TimingOptions& options, Timing& timing) {
  timing.profiled = options.profiled;
  if (options.profiled == 0) return;
  auto plain = context;
  plain.make_graph = nullptr;
  auto loop = loop_of(stage, plain, 1 + options.profiled);
  auto hooks = stage.hooks;
  auto last = std::chrono::steady_clock::now();
  std::optional<OpProfile> profile;
  hooks.after_step = [&](std::int64_t done) {
    const bool stop = stage.hooks.after_step && stage.hooks.after_step(done);
    wait_for(context.device);
    const auto now = std::chrono::steady_clock::now();
    if (profile) {
      timing.profiled_seconds +=
          std::chrono::duration<double>(now - last).count() /
          static_cast<double>(options.profiled);
    } else {
      profile.emplace();
    }
    last = std::chrono::steady_clock::now();
    return stop;
  };
  loop.run(hooks);
  timing.operators = per_step(profile->costs(), options.profiled);
  timing.profiled_seconds -=
      profile->own_seconds() / static_cast<double>(options.profiled);
}

}  // namespace

Timing time_steps(Experiment& experiment, const RunContext& context,
                  const TimingOptions& options) {
  auto stage = options.stage == kFirstStage
                   ? first_stage(experiment)
                   : prior_stage(experiment, context, options.stage);
  Timing timing;
  time_loop(stage, context, options, timing);
  profile_loop(stage, context, options, timing);
  return timing;
}

}  // namespace shalab
