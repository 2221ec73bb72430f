#include "run/step_loop.h"

#include <ATen/core/Tensor.h>

#include <cmath>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

constexpr const char* kGenerator = "generator";

}  // namespace

StepLoop::StepLoop(StageOptions options, std::vector<at::Tensor> parameters,
                   const RunContext& context,
                   const std::vector<ParameterGroup>& groups)
    : options_(std::move(options)),
      context_(context),
      optimiser_(std::move(parameters), options_.optimiser, groups),
      order_(options_.num_items, options_.batch_size, context.seed,
             "order/" + options_.name, context.device),
      generator_(make_generator(context.seed, "steps/" + options_.name,
                                context.device)),
      terms_(options_.name) {}

Outcome StepLoop::run(const StepHooks& hooks) {
  const auto& services = context_.services;
  const auto total = num_steps();
  StepFeed feed(hooks.gather, order_, total, context_.device.is_cpu());
  while (step_ < total) {
    if (services.cancel != nullptr && services.cancel->cancelled()) {
      log();
      if (hooks.checkpoint) {
        hooks.checkpoint();
      }
      return Outcome::cancelled;
    }
    one_step(feed, hooks);
    const bool stop = hooks.after_step && hooks.after_step(step_);
    if (step_ % options_.log_every == 0 || step_ == total || stop) {
      log();
    }
    services.progress->report(options_.name, step_, total);
    if (stop) {
      break;
    }
    if (hooks.checkpoint && options_.checkpoint_every > 0 &&
        step_ % options_.checkpoint_every == 0 && step_ < total) {
      log();
      hooks.checkpoint();
    }
  }
  return Outcome::finished;
}

void StepLoop::one_step(StepFeed& feed, const StepHooks& hooks) {
  clock_.start();
  optimiser_.zero_grad();
  clock_.lap("host");
  const auto terms_of = feed.take(step_);
  clock_.lap("data");
  const StepInfo info{step_, num_steps(),
                      static_cast<double>(step_) /
                          static_cast<double>(order_.steps_per_epoch()),
                      generator_};
  Terms terms;
  {
    const AutocastScope autocast(context_.precision, context_.device);
    terms = terms_of(info);
  }
  clock_.lap("forward");
  terms.loss.backward();
  clock_.lap("backward");
  optimiser_.step(rate_factor(hooks));
  clock_.lap("optimiser");
  ++step_;
  terms_.add(terms);
  clock_.lap("host");
}

double StepLoop::rate_factor(const StepHooks& hooks) const {
  auto step = step_;
  if (hooks.schedule_progress) {
    const auto total = static_cast<double>(num_steps());
    step = std::llround(
        total * hooks.schedule_progress(static_cast<double>(step_) / total));
  }
  return schedule_factor(options_.schedule, step, num_steps(),
                         options_.warmup_steps);
}

void StepLoop::log() {
  const auto points = terms_.take(step_);
  if (!points.empty() && context_.sink != nullptr) {
    context_.sink->curves(points);
  }
}

std::map<std::string, at::Tensor> StepLoop::state() const {
  auto result = optimiser_.state();
  result[kGenerator] = generator_.get_state();
  return result;
}

void StepLoop::restore(std::int64_t step,
                       const std::map<std::string, at::Tensor>& state) {
  const auto generator = state.find(kGenerator);
  if (generator == state.end()) {
    throw Error(
        ErrorKind::resume,
        "the checkpoint lacks the state of '" + options_.name + "'s generator",
        "resume from an earlier checkpoint, or start a new run");
  }
  optimiser_.load(state);
  generator_.set_state(generator->second);
  step_ = step;
}

}  // namespace shalab
