#pragma once
// The training loop that both kinds of stages share.

#include <ATen/core/Generator.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/optimiser_groups.h"
#include "run/context.h"
#include "run/data_order.h"
#include "run/stage_options.h"
#include "run/step_clock.h"
#include "run/step_feed.h"
#include "run/term_log.h"
#include "shalab/objective.h"
#include "shalab/terms.h"

namespace shalab {

struct StepHooks {
  // Gathers a step's tuples, one step ahead on a CPU (step_feed.h). What it
  // returns runs under autocast where the run says so.
  Gather gather;
  // After each update; true ends the stage early. May be empty.
  std::function<bool(std::int64_t steps_done)> after_step;
  // Share of the stage done -> where the learning rate's schedule stands; the
  // same where empty.
  std::function<double(double)> schedule_progress;
  // Writes a checkpoint. Called every checkpoint_every steps and when
  // cancelled. May be empty.
  std::function<void()> checkpoint;
};

// Steps from steps_done() to the end of the stage. A step is a function of
// weights, optimiser state, generator state and step number alone, so a run
// continued from state() is bit-identical on a CPU. No host-device
// synchronisation but every log_every steps. [main]
class StepLoop {
 public:
  // Parameters in `groups` follow their group, all others the options.
  StepLoop(StageOptions options, std::vector<at::Tensor> parameters,
           const RunContext& context,
           const std::vector<ParameterGroup>& groups = {});

  Outcome run(const StepHooks& hooks);

  std::int64_t steps_done() const { return step_; }
  std::int64_t num_steps() const { return options_.num_steps(); }
  const StepClock& clock() const { return clock_; }
  const OptimiserGroups& optimiser() const { return optimiser_; }

  // Optimiser and generator, by name; the step number is stored beside them.
  std::map<std::string, at::Tensor> state() const;
  void restore(std::int64_t step,
               const std::map<std::string, at::Tensor>& state);

 private:
  void one_step(StepFeed& feed, const StepHooks& hooks);
  double rate_factor(const StepHooks& hooks) const;
  void log();

  StageOptions options_;
  const RunContext& context_;
  OptimiserGroups optimiser_;
  DataOrder order_;
  at::Generator generator_;
  TermLog terms_;
  StepClock clock_;
  std::int64_t step_ = 0;
};

}  // namespace shalab
