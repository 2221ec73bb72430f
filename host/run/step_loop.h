#pragma once
// The training loop that both kinds of stages share.

#include <ATen/core/Generator.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/gradient_exchange.h"
#include "model/optimiser_groups.h"
#include "run/context.h"
#include "run/data_order.h"
#include "run/recorded_work.h"
#include "run/stage_options.h"
#include "run/step_clock.h"
#include "run/step_feed.h"
#include "run/term_log.h"
#include "shalab/nn/shadow.h"
#include "shalab/objective.h"
#include "shalab/terms.h"

namespace shalab {

struct StepHooks {
  // Of the stage: where several ranks train, all take rank 0's after a step.
  std::vector<at::Tensor> buffers;
  // Gathers a step's tuples, one step ahead on a CPU (step_feed.h). What it
  // returns runs under autocast where the run says so.
  Gather gather;
  // After each update; true ends the stage early. May be empty.
  std::function<bool(std::int64_t steps_done)> after_step;
  // Share of the stage done -> where the learning rate's schedule stands; the
  // same where empty.
  std::function<double(double)> schedule_progress;
  // Share of the stage done -> Prior::phase; one phase where empty.
  std::function<std::int64_t(double)> phase;
  // Writes a checkpoint. Called every checkpoint_every steps and when
  // cancelled, at every rank. May be empty.
  std::function<void()> checkpoint;
};

// Steps from steps_done() to the end of the stage. A step is a function of
// weights, optimiser state, generator state and step number alone, so a run
// continued from state() is bit-identical on a CPU. No host-device
// synchronisation but every log_every steps.
//
// On a GPU that can record (RunContext::make_graph) the whole step, from the
// gather to the update, is recorded and replayed; a step that read a number of
// the host (HostNumber) is not, nor are those of several ranks.
//
// Of several ranks (RunContext::collective) each computes the terms of an equal
// part of the batch, with noise of its own; gradients and terms are averaged,
// and weights stay the same bits at each. A stop at one rank is a stop at all.
// [main]
class StepLoop {
 public:
  // Parameters in `groups` follow their group, all others the options. Throws
  // Error(usage) where the batch has no equal parts for the ranks.
  StepLoop(StageOptions options, std::vector<at::Tensor> parameters,
           const RunContext& context,
           const std::vector<ParameterGroup>& groups = {});

  Outcome run(const StepHooks& hooks);

  std::int64_t steps_done() const { return step_; }
  std::int64_t num_steps() const { return options_.num_steps(); }
  const StepClock& clock() const { return clock_; }
  const OptimiserGroups& optimiser() const { return optimiser_; }
  // Of a step that a GPU replays; 0 where none does.
  std::int64_t num_kernels() const;

  // Optimiser and generators of all ranks, by name; the step number is stored
  // beside them. Every rank calls it. restore throws Error(resume) where
  // something is missing, or the number of ranks is another.
  std::map<std::string, at::Tensor> state() const;
  void restore(std::int64_t step,
               const std::map<std::string, at::Tensor>& state);

 private:
  // What a recorded step reads and writes, at fixed places.
  struct Fixed {
    at::Tensor indices;      // [B]
    at::Tensor rate_factor;  // []
    at::Tensor terms;        // of TermLog::stacked
  };

  void one_step(StepFeed& feed, const StepHooks& hooks);
  void recordable_step(const StepHooks& hooks);
  bool fixed_step(const StepHooks& hooks);
  std::string replay_differs(const StepHooks& hooks,
                             const std::function<void()>& replay);
  Terms forward(const StepTerms& terms_of, const StepInfo& info);
  void backward(const Terms& terms);
  void begin_recording();
  StepInfo info();
  double share_done() const;
  double rate_factor(const StepHooks& hooks) const;
  at::Tensor own_part(const at::Tensor& batch) const;
  void log();

  StageOptions options_;
  const RunContext& context_;
  int rank_;
  int num_ranks_;
  std::vector<at::Tensor> parameters_;
  std::optional<GradientExchange> exchange_;
  OptimiserGroups optimiser_;
  std::optional<nn::WeightCopies> copies_;  // under bf16
  DataOrder order_;
  at::Generator generator_;
  TermLog terms_;
  StepClock clock_;
  std::int64_t step_ = 0;
  Fixed fixed_;
  std::optional<RecordedWork> recorded_;
};

}  // namespace shalab
