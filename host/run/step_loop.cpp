#include "run/step_loop.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cmath>

#include "run/replay_check.h"
#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

constexpr const char* kGenerator = "generator";

std::string of_rank(int rank) {
  return rank == 0 ? "" : ".rank" + std::to_string(rank);
}

int rank_of(const RunContext& context) {
  return context.collective == nullptr ? 0 : context.collective->rank();
}

int num_ranks_of(const RunContext& context) {
  return context.collective == nullptr ? 1 : context.collective->size();
}

// A generator's state as bytes of a text, and back.
std::string text_from(const at::Tensor& bytes) {
  return {static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()};
}

at::Tensor bytes_from(const std::string& text) {
  auto bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  std::copy(text.begin(), text.end(), bytes.data_ptr<std::uint8_t>());
  return bytes;
}

}  // namespace

StepLoop::StepLoop(StageOptions options, std::vector<at::Tensor> parameters,
                   const RunContext& context,
                   const std::vector<ParameterGroup>& groups)
    : options_(std::move(options)),
      context_(context),
      rank_(rank_of(context)),
      num_ranks_(num_ranks_of(context)),
      parameters_(std::move(parameters)),
      optimiser_(parameters_, options_.optimiser, groups),
      order_(options_.num_items, options_.batch_size, context.seed,
             "order/" + options_.name, context.device),
      generator_(make_generator(context.seed,
                                "steps/" + options_.name + of_rank(rank_),
                                context.device)),
      terms_(options_.name) {
  if (context.precision == Precision::bf16) copies_.emplace();
  const auto batch = std::min(options_.batch_size, options_.num_items);
  if (batch % num_ranks_ == 0) return;
  throw Error(ErrorKind::usage,
              options_.name + ": a batch of " + std::to_string(batch) +
                  " cannot be cut into " + std::to_string(num_ranks_) +
                  " equal parts, one for each device",
              "choose a batch_size that is a multiple of the devices");
}

Outcome StepLoop::run(const StepHooks& hooks) {
  const auto total = num_steps();
  if (context_.collective != nullptr) {
    exchange_.emplace(*context_.collective, parameters_, hooks.buffers);
  }
  const auto gather = [this, &hooks](const at::Tensor& batch) {
    return hooks.gather(own_part(batch));
  };
  begin_recording();
  StepFeed feed(gather, order_, total, context_.device.is_cpu() && !recorded_);
  while (step_ < total) {
    if (is_cancelled(context_)) {
      log();
      if (hooks.checkpoint) {
        hooks.checkpoint();
      }
      return Outcome::cancelled;
    }
    if (recorded_) {
      recordable_step(hooks);
    } else {
      one_step(feed, hooks);
    }
    const bool stop = hooks.after_step && hooks.after_step(step_);
    if (step_ % options_.log_every == 0 || step_ == total || stop) {
      log();
    }
    context_.services.progress->report(options_.name, step_, total);
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

at::Tensor StepLoop::own_part(const at::Tensor& batch) const {
  const auto size = batch.size(0) / num_ranks_;
  return batch.narrow(0, rank_ * size, size);
}

void StepLoop::one_step(StepFeed& feed, const StepHooks& hooks) {
  clock_.start();
  optimiser_.zero_grad();
  clock_.lap("host");
  const auto terms_of = feed.take(step_);
  clock_.lap("data");
  Terms terms = forward(terms_of, info());
  clock_.lap("forward");
  backward(terms);
  clock_.lap("backward");
  if (exchange_) {
    exchange_->average(terms);
    clock_.lap("exchange");
  }
  optimiser_.step(rate_factor(hooks));
  clock_.lap("optimiser");
  ++step_;
  if (is_lead(context_)) terms_.add(terms);
  clock_.lap("host");
}

Terms StepLoop::forward(const StepTerms& terms_of, const StepInfo& info) {
  if (copies_) copies_->refresh();
  const nn::WeightCopiesScope weights(copies_ ? &*copies_ : nullptr);
  const AutocastScope autocast(context_.precision, context_.device);
  return terms_of(info);
}

void StepLoop::backward(const Terms& terms) {
  terms.loss.backward();
  if (copies_) copies_->hand_back_gradients();
}

StepInfo StepLoop::info() {
  const auto epoch = static_cast<double>(step_) /
                     static_cast<double>(order_.steps_per_epoch());
  return {step_, num_steps(), epoch, generator_};
}

double StepLoop::share_done() const {
  return static_cast<double>(step_) / static_cast<double>(num_steps());
}

void StepLoop::begin_recording() {
  if (recorded_ || !context_.make_graph || context_.collective != nullptr) {
    return;
  }
  auto graph = context_.make_graph(generator_);
  if (graph == nullptr) return;
  const auto options = at::TensorOptions(context_.device);
  fixed_.indices =
      at::empty({std::min(options_.batch_size, options_.num_items)},
                options.dtype(at::kLong));
  fixed_.rate_factor = at::empty(
      {}, options.dtype(context_.device.is_cpu() ? at::kDouble : at::kFloat));
  recorded_.emplace(std::move(graph), options_.name + ": a step",
                    *context_.services.logger);
}

void StepLoop::recordable_step(const StepHooks& hooks) {
  clock_.start();
  fixed_.indices.copy_(order_.batch(step_));
  fixed_.rate_factor.fill_(rate_factor(hooks));
  clock_.lap("data");
  const auto phase = hooks.phase ? hooks.phase(share_done()) : 0;
  recorded_->run(
      phase, [&] { return fixed_step(hooks); },
      [&](const auto& replay) { return replay_differs(hooks, replay); });
  clock_.lap("launch");
  ++step_;
  terms_.add(fixed_.terms);
  clock_.lap("host");
}

bool StepLoop::fixed_step(const StepHooks& hooks) {
  optimiser_.zero_grad();
  const auto own = info();
  const auto terms = forward(
      [&](const StepInfo& info) { return hooks.gather(fixed_.indices)(info); },
      own);
  backward(terms);
  optimiser_.step(fixed_.rate_factor);
  const auto values = terms_.stacked(terms);
  if (!fixed_.terms.defined() || fixed_.terms.sizes() != values.sizes()) {
    fixed_.terms = at::empty_like(values);
  }
  fixed_.terms.copy_(values);
  return !own.step.was_read() && !own.epoch.was_read();
}

std::string StepLoop::replay_differs(const StepHooks& hooks,
                                     const std::function<void()>& replay) {
  WorkState state{parameters_, generator_};
  state.tensors.push_back(fixed_.terms);
  const auto add = [&state](const auto& tensors) {
    state.tensors.insert(state.tensors.end(), tensors.begin(), tensors.end());
  };
  add(hooks.buffers);
  for (const auto& [name, tensor] : optimiser_.state())
    add(std::vector{tensor});
  return replay_difference(
      state, [&] { fixed_step(hooks); }, replay);
}

std::int64_t StepLoop::num_kernels() const {
  return recorded_ ? recorded_->num_kernels() : 0;
}

double StepLoop::rate_factor(const StepHooks& hooks) const {
  auto step = step_;
  if (hooks.schedule_progress) {
    const auto total = static_cast<double>(num_steps());
    step = std::llround(total * hooks.schedule_progress(share_done()));
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
  if (context_.collective == nullptr) return result;
  const auto own = text_from(result[kGenerator]);
  for (int rank = 0; rank < num_ranks_; ++rank) {
    result[kGenerator + of_rank(rank)] =
        bytes_from(context_.collective->text_of(rank, own));
  }
  return result;
}

void StepLoop::restore(std::int64_t step,
                       const std::map<std::string, at::Tensor>& state) {
  const auto generator = state.find(kGenerator + of_rank(rank_));
  if (generator == state.end() ||
      !state.contains(kGenerator + of_rank(num_ranks_ - 1)) ||
      state.contains(kGenerator + of_rank(num_ranks_))) {
    throw Error(ErrorKind::resume,
                "the checkpoint lacks the state of '" + options_.name +
                    "'s generator, or has those of other devices than these " +
                    std::to_string(num_ranks_),
                "resume with as many devices as before, or start a new run");
  }
  optimiser_.load(state);
  generator_.set_state(generator->second);
  step_ = step;
}

}  // namespace shalab
