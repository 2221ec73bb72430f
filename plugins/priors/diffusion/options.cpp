#include "options.h"

#include "shalab/error.h"
#include "shalab/prior.h"

namespace shalab::diffusion {
namespace {

constexpr double kLastSnapshot = 0.95;
constexpr double kLastHalt = 0.99;
constexpr const char* kStudent = "student";
constexpr double kMostStudentSteps = 20;

void declare_network_fields(FieldList& fields) {
  fields.choice("condition", "h", {"h", "x"},
                "what a modality says: its features h, or its data x through "
                "small encoders of the prior's own");
  fields.choice("denoiser", "mlp", {"mlp", "transformer"},
                "the network: a residual MLP or a transformer over pieces of "
                "z, both modulated by time and condition");
  fields.integer("width", 512, "width of the network").at_least(1);
  fields.integer("blocks", 4, "residual blocks").at_least(1);
  fields.integer("heads", 8, "attention heads of the transformer").at_least(1);
  fields.integer("tokens", 16, "pieces that the transformer cuts z into")
      .at_least(1);
  fields.integer("expansion", 2, "hidden width of a block, in widths")
      .at_least(1);
}

void declare_training_fields(FieldList& fields) {
  fields.choice("prediction", "v", {"eps", "v"},
                "what the network predicts and the loss is on: the noise, or "
                "the velocity alpha e - sigma z");
  fields.choice("noise", "linear", {"linear", "cosine"},
                "schedule of the 1000 steps");
  fields
      .real("condition_dropout", 0.1,
            "probability of the null condition in training")
      .range(0.0, 1.0);
  fields.real("ema", 0.999, "decay of the averaged weights that sample")
      .range(0.0, 1.0);
  fields
      .real("snapshot", 0.25,
            "share of training at which the early copy of the averaged "
            "weights is taken; 0 = none")
      .range(0.0, kLastSnapshot);
  fields.flag("standardise", true,
              "bring z and features to zero mean and unit deviation");
}

void declare_student_fields(FieldList& fields) {
  fields
      .integer("student_steps", 0,
               "evaluations of a student distilled from the prior, guidance "
               "included, for sampler = student; 0 = none")
      .range(0, kMostStudentSteps);
  fields
      .real("student_share", 0.3,
            "last share of training, which trains the student")
      .range(0.05, kLastSnapshot);
  fields
      .real("student_guidance", 1.0,
            "guidance of conditional draws that the student learns")
      .at_least(0.0);
  fields
      .real("student_autoguidance", 1.0,
            "autoguidance of joint draws that the student learns")
      .at_least(0.0);
}

void declare_sampling_fields(FieldList& fields) {
  fields
      .choice(
          "sampler", "unipc2",
          {"unipc2", "dpmpp2m", "sde_dpmpp2m", "ddim", "heun", "ddpm",
           kStudent},
          "solver of the reverse process (heun: two evaluations a step but "
          "the last), or the distilled student, which has its own steps and "
          "guidance")
      .after_training();
  fields.integer("steps", 10, "steps of the sampler")
      .range(1, double(nn::NoiseSchedule::kSteps))
      .after_training();
  fields
      .choice("grid", "uniform", nn::time_grid_names(),
              "spacing of the times (ddpm has its own)")
      .after_training();
  fields
      .real("guidance", 1.0,
            "guidance scale of conditional draws: 0 = unconditional, "
            "1 = conditional, more = guided at twice the evaluations")
      .at_least(0.0)
      .after_training();
  fields
      .choice("guidance_null", "own", {"own", "early"},
              "network of the unconditional term of guidance")
      .after_training();
  fields
      .real("autoguidance", 1.0,
            "scale s of joint draws, early + s (own - early); 1 = off, else "
            "twice the evaluations")
      .at_least(0.0)
      .after_training();
  fields
      .choice("subset_conditioning", "random", {"random", "average"},
              "a condition of several modalities: one of them at random per "
              "sample, or the average of their predictions")
      .after_training();
  fields
      .real("halt_at", 0.0,
            "time, from 1 = noise down to 0 = data, at which the sampler "
            "halts: draws are still noised by that much (not for ddpm and "
            "student)")
      .range(0.0, kLastHalt)
      .after_training();
}

StudentOptions read_student(const Settings& settings) {
  return {settings.integer("student_steps"), settings.real("student_share"),
          settings.real("student_guidance"),
          settings.real("student_autoguidance")};
}

SamplingOptions read_sampling(const Settings& settings) {
  SamplingOptions sampling;
  const auto sampler = settings.text("sampler");
  sampling.uses_student = sampler == kStudent;
  if (!sampling.uses_student) sampling.sampler = nn::solver_named(sampler);
  sampling.steps = settings.integer("steps");
  sampling.grid = nn::time_grid_named(settings.text("grid"));
  sampling.guidance = settings.real("guidance");
  sampling.has_early_null = settings.text("guidance_null") == "early";
  sampling.autoguidance = settings.real("autoguidance");
  sampling.averages_subset = settings.text("subset_conditioning") == "average";
  sampling.halt_at = settings.real("halt_at");
  return sampling;
}

// The key that needs the early copy of the weights; null = none does.
const char* key_that_needs_early(const Options& options) {
  if (options.sampling.has_early_null) return "guidance_null = early";
  if (options.sampling.autoguidance != 1.0) return "autoguidance";
  if (options.student.steps > 0 && options.student.autoguidance != 1.0) {
    return "student_autoguidance";
  }
  return nullptr;
}

void check(const Options& options) {
  const auto* key = key_that_needs_early(options);
  if (key != nullptr && options.snapshot == 0.0) {
    throw Error(ErrorKind::usage,
                std::string("diffusion: ") + key +
                    " needs the early copy of the weights, and snapshot = 0 "
                    "keeps none",
                "train with snapshot between 0.2 and 0.35");
  }
  const auto& sampling = options.sampling;
  if (sampling.uses_student && options.student.steps == 0) {
    throw Error(ErrorKind::usage,
                "diffusion: sampler = student, but student_steps = 0 trains "
                "none",
                "train with student_steps between 1 and 4");
  }
  if (sampling.uses_student && sampling.averages_subset) {
    throw Error(ErrorKind::usage,
                "diffusion: a student was told one modality at a time and "
                "cannot average predictions",
                "set subset_conditioning = random");
  }
  if (sampling.halt_at > 0.0 &&
      (sampling.uses_student || sampling.sampler == nn::SolverKind::ddpm)) {
    throw Error(ErrorKind::usage,
                "diffusion: halt_at works with every sampler but ddpm and "
                "student, whose steps end at the data",
                "choose another sampler, for example unipc2");
  }
  if (options.student.steps > 0 && !options.predicts_velocity) {
    throw Error(ErrorKind::usage,
                "diffusion: a student learns velocities, and prediction = eps",
                "set prediction = v");
  }
}

}  // namespace

void declare_fields(FieldList& fields) {
  declare_network_fields(fields);
  declare_training_fields(fields);
  StepDefaults defaults;
  defaults.weight_decay = 0.01;
  declare_step_fields(fields, defaults);
  declare_student_fields(fields);
  declare_sampling_fields(fields);
}

Options read_options(const Settings& settings) {
  Options options;
  options.reads_data = settings.text("condition") == "x";
  options.is_transformer = settings.text("denoiser") == "transformer";
  options.network.width = settings.integer("width");
  options.network.blocks = settings.integer("blocks");
  options.network.heads = settings.integer("heads");
  options.network.tokens = settings.integer("tokens");
  options.network.expansion = settings.integer("expansion");
  options.predicts_velocity = settings.text("prediction") == "v";
  options.noise = settings.text("noise");
  options.condition_dropout = settings.real("condition_dropout");
  options.ema = settings.real("ema");
  options.snapshot = settings.real("snapshot");
  options.standardises = settings.flag("standardise");
  options.student = read_student(settings);
  options.sampling = read_sampling(settings);
  check(options);
  return options;
}

}  // namespace shalab::diffusion
