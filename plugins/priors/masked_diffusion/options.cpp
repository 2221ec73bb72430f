#include "options.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "shalab/error.h"

namespace shalab::masked_diffusion {
namespace {

void declare_network_fields(FieldList& fields) {
  const NetworkOptions defaults;
  fields.integer("width", defaults.width, "width of the network").at_least(1);
  fields
      .integer("time_width", defaults.time_width,
               "width of the embedding of the modalities' times")
      .at_least(1);
  fields
      .integer("groups", defaults.groups,
               "groups of the group normalisation; divides width")
      .at_least(1);
}

void declare_sampling_fields(FieldList& fields) {
  const SamplingOptions defaults;
  fields
      .choice("sampler", "unipc2",
              {"unipc2", "dpmpp2m", "sde_dpmpp2m", "ddim", "ddpm", "euler",
               "repaint"},
              "how the unknown slots are drawn: a fast solver, the reverse SDE "
              "(euler), or that with resamplings (repaint, MLD's own)")
      .after_training();
  fields.integer("steps", defaults.steps, "steps from noise to data")
      .range(1, double(nn::NoiseSchedule::kSteps))
      .after_training();
  fields
      .choice("grid", nn::to_string(defaults.grid), nn::time_grid_names(),
              "spacing of the fast solvers' times; uniform leaves too few near "
              "the data for dpmpp2m and sde_dpmpp2m at 20 steps")
      .after_training();
  fields
      .integer("jump_length", defaults.jump_length,
               "steps that a resampling of repaint goes back")
      .at_least(1)
      .in("steps")
      .after_training();
  fields
      .integer("resamplings", defaults.resamplings,
               "times that repaint passes each stretch; 1 = euler")
      .at_least(1)
      .after_training();
}

void check_slots(const PriorContext& context) {
  const auto& slots = context.slots;
  const auto sum = std::accumulate(slots.begin(), slots.end(), std::int64_t{0});
  const bool has_all =
      slots.size() >= 2 && slots.size() == context.modalities.size() &&
      std::ranges::all_of(slots, [](std::int64_t size) { return size > 0; });
  if (has_all && sum == context.latent) return;
  throw Error(ErrorKind::usage,
              "prior masked_diffusion: the latent is not made of two or more "
              "slots, one per modality",
              "use fusion slots with [encoder] slot = SIZE for each modality; "
              "on another fusion the prior diffusion fits");
}

}  // namespace

void declare_fields(FieldList& fields) {
  const Options defaults;
  declare_network_fields(fields);
  fields
      .real("masking", defaults.masking,
            "probability that a batch keeps a random part of the slots clean, "
            "as a condition")
      .range(0, 1);
  fields.real("ema", defaults.ema, "decay of the averaged weights that sample")
      .range(0, 1);
  StepDefaults steps;
  steps.learning_rate = 1e-4;
  steps.schedule = "constant";
  steps.warmup_steps = 0;
  steps.clip_norm = 0.0;
  declare_step_fields(fields, steps);
  declare_sampling_fields(fields);
}

Options read_options(const Settings& settings, const PriorContext& context) {
  check_slots(context);
  Options options;
  options.network = {context.latent,
                     static_cast<std::int64_t>(context.slots.size()),
                     settings.integer("width"), settings.integer("time_width"),
                     settings.integer("groups")};
  if (options.network.width % options.network.groups != 0) {
    throw Error(
        ErrorKind::usage,
        "prior masked_diffusion: groups = " +
            std::to_string(options.network.groups) +
            " does not divide width = " + std::to_string(options.network.width),
        "use groups = 8 or 32 and a width that is a multiple of it");
  }
  options.masking = settings.real("masking");
  options.ema = settings.real("ema");
  auto& sampling = options.sampling;
  sampling.sampler = settings.text("sampler");
  sampling.steps = settings.integer("steps");
  sampling.grid = nn::time_grid_named(settings.text("grid"));
  sampling.jump_length = settings.integer("jump_length");
  sampling.resamplings = settings.integer("resamplings");
  return options;
}

}  // namespace shalab::masked_diffusion
