#pragma once
// Times training steps of one stage of an experiment.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/op_profile.h"
#include "run/context.h"
#include "run/experiment.h"

namespace shalab {

struct TimingOptions {
  std::string stage = "first_stage";  // or "fitted_prior.NAME"
  std::int64_t warmup = 5;
  std::int64_t steps = 30;
  std::int64_t profiled = 3;  // steps under an OpProfile, after the others
};

struct Timing {
  std::vector<double> seconds;                 // of each step
  std::map<std::string, double> part_seconds;  // mean of a step, by part
  std::map<std::string, OpCost> operators;     // mean of a step; calls summed
  double profiled_seconds = 0.0;  // a step under the profile, less the latter
  std::int64_t profiled = 0;
  std::int64_t kernels = 0;  // of a step that a GPU replays, else 0
  std::int64_t parameters = 0;
  std::int64_t batch_size = 0;
};

// The very loop that trains, on the config's data; a prior is fitted to
// 20,000 latents drawn from N(0, I), so no first stage has to be trained.
// Error(usage) for a stage that the config lacks or that has no steps. [main]
Timing time_steps(Experiment& experiment, const RunContext& context,
                  const TimingOptions& options);

}  // namespace shalab
