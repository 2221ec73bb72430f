#include "run/stage_options.h"

#include <algorithm>

namespace shalab {

std::int64_t StageOptions::steps_per_epoch() const {
  const auto batch = std::max<std::int64_t>(1, std::min(batch_size, num_items));
  return num_items / batch;
}

std::int64_t StageOptions::num_steps() const {
  const auto steps = epochs * steps_per_epoch();
  return max_steps > 0 ? std::min(max_steps, steps) : steps;
}

StageOptions stage_options(const Settings& settings, const std::string& name,
                           std::int64_t num_items) {
  StageOptions options;
  options.name = name;
  options.num_items = num_items;
  options.epochs = settings.integer("epochs");
  options.max_steps = settings.integer("max_steps");
  options.batch_size = settings.integer("batch_size");
  options.schedule = settings.text("schedule");
  options.warmup_steps = settings.integer("warmup_steps");
  options.optimiser.kind = settings.text("optimiser");
  options.optimiser.learning_rate = settings.real("learning_rate");
  options.optimiser.weight_decay = settings.real("weight_decay");
  options.optimiser.clip_norm = settings.real("clip_norm");
  return options;
}

}  // namespace shalab
