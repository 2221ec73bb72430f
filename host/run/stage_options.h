#pragma once
// How long and with what optimiser a stage trains.

#include <cstdint>
#include <string>

#include "model/optimiser.h"
#include "shalab/fields.h"

namespace shalab {

struct StageOptions {
  std::string name;  // "first_stage", "fitted_prior.diffusion"
  std::int64_t num_items = 0;
  std::int64_t epochs = 1;
  std::int64_t max_steps = 0;  // 0 = off
  std::int64_t batch_size = 128;
  std::string schedule = "constant";
  std::int64_t warmup_steps = 0;
  std::int64_t log_every = 100;
  std::int64_t checkpoint_every = 0;  // steps; 0 = only at the stage's end
  OptimiserOptions optimiser;

  std::int64_t steps_per_epoch() const;
  // epochs * steps_per_epoch, cut by max_steps.
  std::int64_t num_steps() const;
};

// From a [train] section or the step keys of a prior's section.
StageOptions stage_options(const Settings& settings, const std::string& name,
                           std::int64_t num_items);

}  // namespace shalab
