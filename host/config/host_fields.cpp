#include "config/host_fields.h"

#include <algorithm>

namespace shalab {

namespace {

FieldList run_fields() {
  FieldList fields;
  fields.text("name", "",
              "what the run is called in listings; empty means the name of "
              "the config file");
  fields
      .integer("seed", 1,
               "root of every random generator of the run; runs that differ "
               "in nothing else are replicates")
      .at_least(0);
  fields
      .text("device", "auto",
            "where tensors live: auto takes a GPU when one can be used; cpu, "
            "cuda or cuda:n")
      .after_training();
  fields
      .integer("devices", 1,
               "devices of this machine that train together, each a part of "
               "every batch (data parallel); --devices names them")
      .range(1, 64)
      .in("devices");
  fields
      .integer("threads", 0,
               "CPU threads for tensor operations; 0 means all cores, shared "
               "by the devices of a run, or fewer where a measurement at the "
               "start finds them faster")
      .range(0, 4096)
      .in("threads")
      .after_training();
  fields
      .choice("memory_format", "measured",
              {"measured", "channels_last", "contiguous"},
              "order of pictures in memory between convolutions; measured: "
              "the faster one for each modality's networks, found at the "
              "start")
      .after_training();
  fields
      .choice("data", "resident", {"resident", "mapped"},
              "where the data lie on a CPU: in memory, or in packed files of "
              "the cache folder that are mapped, for data larger than memory; "
              "the results are the same")
      .after_training();
  fields
      .flag("graph", true,
            "whether a GPU records a training step once and replays it (a CUDA "
            "graph); on a CPU without effect")
      .after_training();
  fields
      .flag("branches", false,
            "whether such a recording puts the networks of each modality on a "
            "stream of their own; not yet proved on a GPU")
      .after_training();
  fields
      .choice("precision", "fp32", {"fp32", "tf32", "bf16"},
              "arithmetic of the networks; tf32 rounds matrix products on a "
              "GPU, bf16 runs layers in half precision and sums in fp32")
      .after_training();
  fields.flag("deterministic", false,
              "whether only operations are used that give the same bits every "
              "time on the same machine");
  return fields;
}

void add_train_length(FieldList& fields) {
  fields.integer("epochs", 10, "passes over the training split")
      .at_least(0)
      .in("epochs");
  fields
      .integer("max_steps", 0,
               "ends the first stage after so many steps; 0 means off")
      .at_least(0)
      .in("steps");
  fields.integer("batch_size", 128, "samples in one training step")
      .at_least(1)
      .in("samples");
}

void add_train_optimiser(FieldList& fields) {
  fields.real("learning_rate", 1e-3, "the optimiser's step size at its peak")
      .more_than(0);
  fields.choice("optimiser", "adam", {"adam", "adamw", "amsgrad"},
                "rule that turns gradients into steps; adamw decouples the "
                "weight decay, amsgrad keeps the largest second moment");
  fields.real("weight_decay", 0.0, "pull of the weights towards zero")
      .at_least(0);
  fields.choice("schedule", "constant", {"constant", "cosine", "linear"},
                "how the learning rate falls over the stage after warm-up");
  fields
      .integer("warmup_steps", 0,
               "steps over which the learning rate rises linearly from zero")
      .at_least(0)
      .in("steps");
  fields
      .real("clip_norm", 0.0,
            "largest norm of the whole gradient, longer ones are scaled down; "
            "0 means off")
      .at_least(0);
  fields
      .real("ema", 0.0,
            "decay per step of the moving average of the weights that is "
            "evaluated in their place; 0 means off")
      .range(0, 0.999999);
}

FieldList train_fields() {
  FieldList fields;
  add_train_length(fields);
  add_train_optimiser(fields);
  fields
      .integer("validate_every", 1,
               "how often the validation split is measured; 0 means never")
      .at_least(0)
      .in("epochs");
  fields
      .integer("early_stop", 0,
               "epochs without a better validation value after which the "
               "stage ends; 0 means off")
      .at_least(0)
      .in("epochs");
  fields
      .integer("log_every", 50,
               "how often the training terms are read back and recorded")
      .at_least(1)
      .in("steps");
  return fields;
}

FieldList latent_fields() {
  FieldList fields;
  fields.integer("shared", 64, "size D of the shared latent z").at_least(1);
  fields
      .integer("private", 0,
               "size of the private latent of each modality; 0 means none")
      .at_least(0);
  fields.choice("private_family", "normal", {"normal", "laplace"},
                "family of the private latents' posteriors and priors");
  fields.choice("private_scale", "log_var", {"log_var", "softplus", "softmax"},
                "how a network's output becomes the scale of a private "
                "posterior; softmax keeps the mean over the dimensions at 1, "
                "log_var goes with normal only");
  return fields;
}

FieldList missing_fields() {
  FieldList fields;
  fields
      .real("rate", 0.0,
            "share of the modalities that are hidden at random, the same ones "
            "in every epoch; a tuple that would lose all keeps one")
      .range(0, 1);
  fields.choice("splits", "train", {"train", "all"},
                "where: in the training split, or in all three");
  return fields;
}

FieldList encoder_fields() {
  FieldList fields;
  fields
      .integer("features", 128,
               "size of the features h that the encoder gives to the fusion")
      .at_least(1);
  fields
      .integer("slot", 0,
               "size of this modality's own slot of z, for fusions that have "
               "slots; 0 means none")
      .at_least(0);
  return fields;
}

FieldList first_stage_fields() {
  FieldList fields;
  fields.text("run", "",
              "id of a run whose trained first stage is used instead of "
              "training one; empty means train");
  return fields;
}

FieldList latent_source_fields() {
  FieldList fields;
  fields.text("of", "",
              "name of the fitted prior whose sampler this section sets "
              "differently");
  fields.text("tune", "",
              "a key of that prior which is chosen by trying tune_values; "
              "empty means none");
  fields.list("tune_values", {},
              "values of the tuned key, tried in this order");
  fields.text("tune_by", "joint_coherence",
              "measurement by which the tuned value is chosen, on draws that "
              "the evaluation does not use again");
  fields.integer("tune_samples", 2000, "draws for each tried value")
      .at_least(1)
      .in("samples");
  return fields;
}

FieldList evaluate_fields() {
  FieldList fields;
  fields.list("latent_sources", {},
              "where z comes from in generation: training_prior, posterior, "
              "fitted priors and latent sources by name; empty means the "
              "training prior and all fitted priors and latent sources");
  fields
      .integer("max_samples", 10000,
               "samples of the split that are used at most, and draws in "
               "joint generation; 0 means the whole split")
      .at_least(0)
      .in("samples");
  fields.choice("split", "test", {"test", "validation", "train"},
                "split of the dataset that is measured");
  fields.integer("batch_size", 256, "samples generated or encoded at once")
      .at_least(1)
      .in("samples");
  fields.flag("legacy_dropout", false,
              "published judges judge with dropout on, as the code of MoPoE "
              "and MVTCAE left them; never comparable with judging as usual");
  fields
      .integer("num_grid", 8,
               "rows of the picture grids kept with the run; 0 means none")
      .range(0, 64)
      .in("rows");
  return fields;
}

FieldList checkpoint_fields() {
  FieldList fields;
  fields
      .integer("every_steps", 1000,
               "steps between checkpoints; 0 means only at the end of a stage")
      .at_least(0)
      .in("steps");
  fields.integer("keep", 2, "newest checkpoints that are kept").at_least(1);
  fields.text("best_by", "",
              "validation term whose best weights are kept and evaluated, "
              "such as loss; empty means the last weights");
  return fields;
}

FieldList own_fields(const std::string& kind) {
  if (kind == "run") return run_fields();
  if (kind == "train") return train_fields();
  if (kind == "latent") return latent_fields();
  if (kind == "missing") return missing_fields();
  if (kind == "encoder") return encoder_fields();
  if (kind == "first_stage") return first_stage_fields();
  if (kind == "latent_source") return latent_source_fields();
  if (kind == "evaluate") return evaluate_fields();
  if (kind == "checkpoint") return checkpoint_fields();
  return {};
}

std::vector<SectionKind> all_kinds() {
  using enum SectionNaming;
  return {
      {"run", "", single, false, true, "the run as a whole"},
      {"dataset", "dataset", single, true, true, "the data"},
      {"missing", "", single, false, true, "modalities hidden at random"},
      {"encoder", "encoder", modality, true, true,
       "the networks of each modality; [encoder.NAME] overrides [encoder] for "
       "the modality NAME"},
      {"refiner", "refiner", modality, false, false,
       "what refines a decoder's output; [refiner.NAME] for one modality"},
      {"latent", "", single, false, true, "sizes of the latents"},
      {"fusion", "fusion", single, true, true,
       "how the features of a subset become a posterior"},
      {"objective", "objective", single, true, true, "what is optimised"},
      {"prior", "prior", single, true, true, "the prior in the objective"},
      {"train", "", single, false, true, "training of the first stage"},
      {"first_stage", "", single, false, true,
       "reuse of another run's first stage"},
      {"fitted_prior", "prior", named, false, false,
       "a prior fitted to the aggregate posterior after training"},
      {"latent_source", "", named, false, false,
       "a fitted prior with other sampler settings"},
      {"evaluate", "", single, false, true, "what is measured, and on what"},
      {"metric", "metric", named, false, false, "a metric"},
      {"checkpoint", "", single, false, true, "what is kept to resume from"},
  };
}

}  // namespace

const std::vector<SectionKind>& section_kinds() {
  static const std::vector<SectionKind> kinds = all_kinds();
  return kinds;
}

const SectionKind* find_section_kind(const std::string& name) {
  const auto at = std::ranges::find(section_kinds(), name, &SectionKind::name);
  return at == section_kinds().end() ? nullptr : &*at;
}

FieldList host_fields(const SectionKind& kind) {
  FieldList fields;
  if (!kind.plugin_kind.empty()) {
    std::string meaning = "name of the " + kind.plugin_kind + " plugin";
    if (kind.naming == SectionNaming::named) {
      meaning += "; empty means the section's own name";
    }
    fields.text("plugin", "", meaning);
  }
  const FieldList own = own_fields(kind.name);
  for (const Field& field : own.all()) fields.add(field);
  return fields;
}

FieldList section_fields(const SectionKind& kind, const PluginInfo* plugin) {
  const FieldList of_host = host_fields(kind);
  if (plugin == nullptr) return of_host;
  FieldList fields;
  fields.add(*of_host.find("plugin"));
  for (const Field& field : plugin->fields.all()) {
    if (field.name != "plugin") fields.add(field);
  }
  for (const Field& field : of_host.all()) {
    if (fields.find(field.name) == nullptr) fields.add(field);
  }
  return fields;
}

}  // namespace shalab
