#include "run/experiment.h"

#include <ATen/CPUGeneratorImpl.h>

#include <optional>

#include "config/field_check.h"
#include "model/tensors_of.h"
#include "run/mapped_memory.h"
#include "run/missing_modalities.h"
#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

// Module constructors draw their initial weights from the default generator.
void seed_weights(std::uint64_t seed, const std::string& component) {
  auto generator = at::detail::getDefaultCPUGenerator();
  generator.set_current_seed(derive_seed(seed, "weights/" + component));
}

// Subsets that a refusal lists at most.
constexpr std::size_t kNamedSubsets = 4;

std::string subset_names(const std::vector<ModalitySubset>& subsets,
                         const std::vector<ModalitySpec>& modalities) {
  std::string text;
  for (const auto& subset : subsets) {
    text += (text.empty() ? "" : ", ") + subset.text(modalities);
  }
  return text;
}

RunOptions run_options(const ResolvedConfig& config) {
  const auto& train = config.settings("train");
  const auto& checkpoint = config.settings("checkpoint");
  RunOptions options;
  options.checkpoint_every = checkpoint.integer("every_steps");
  options.keep = checkpoint.integer("keep");
  options.restore_best = !checkpoint.text("best_by").empty();
  options.log_every = train.integer("log_every");
  options.validate_every = train.integer("validate_every");
  options.early_stop = train.integer("early_stop");
  options.ema = train.real("ema");
  return options;
}

}  // namespace

Experiment::Experiment(ResolvedConfig config, const Registry& registry,
                       const RunContext& context)
    : config_(std::move(config)),
      registry_(registry),
      device_(context.device),
      options_(run_options(config_)) {
  make_dataset(context);
  make_first_stage(context);
  make_fitted(context);
}

Experiment::~Experiment() = default;

std::string Experiment::dataset_name() const {
  return config_.at("dataset").plugin;
}

void Experiment::make_dataset(const RunContext& context) {
  open_dataset(context);
  hide_modalities(context.seed);
  dataset_->to(device_);
  std::vector<std::string> names;
  for (const auto& modality : dataset_->modalities()) {
    names.push_back(modality.name);
  }
  check_modalities(config_, names);
}

void Experiment::open_dataset(const RunContext& context) {
  const auto& section = config_.at("dataset");
  std::optional<MappedMemory> mapped;
  if (config_.settings("run").text("data") == "mapped") {
    mapped.emplace(context.services.cache_folder / "mapped");
  }
  dataset_ = registry_.make_dataset(section.plugin, section.settings,
                                    {context.services});
  if (!mapped || !device_.is_cpu()) {
    return;
  }
  const auto packed = mapped->pack();
  context.services.logger->info(
      "data mapped: " + std::to_string(packed.files) + " files, " +
      std::to_string(packed.bytes >> 20) + " MiB, " +
      std::to_string(packed.written) + " of them written now");
}

void Experiment::hide_modalities(std::uint64_t seed) {
  const auto& settings = config_.settings("missing");
  if (settings.real("rate") == 0) {
    return;
  }
  const MissingOptions options{settings.real("rate"),
                               settings.text("splits") == "all"};
  auto incomplete =
      std::make_unique<MissingModalities>(std::move(dataset_), options, seed);
  occurring_ = incomplete->subsets(Split::train);
  for (const auto split : {Split::validation, Split::test}) {
    occurring_.merge(incomplete->subsets(split));
  }
  dataset_ = std::move(incomplete);
}

std::vector<std::shared_ptr<Encoder>> Experiment::make_encoders(
    const RunContext& context) const {
  const auto& latent = config_.settings("latent");
  std::vector<std::shared_ptr<Encoder>> encoders;
  for (const auto& modality : dataset_->modalities()) {
    const auto& section = encoder_settings(config_, modality.name);
    EncoderContext encoder;
    encoder.modality = modality;
    encoder.features = section.settings.integer("features");
    encoder.private_features =
        latent.integer("private") > 0 ? encoder.features : 0;
    const auto slot = section.settings.integer("slot");
    encoder.code =
        slot > 0 ? slot : latent.integer("shared") + latent.integer("private");
    seed_weights(context.seed, "encoder/" + modality.name);
    encoders.push_back(
        registry_.make_encoder(section.plugin, section.settings, encoder));
  }
  return encoders;
}

std::shared_ptr<PrivateLatents> Experiment::make_private_latents(
    const std::vector<std::shared_ptr<Encoder>>& encoders,
    const RunContext& context) const {
  const auto& latent = config_.settings("latent");
  const PrivateOptions options{
      latent.integer("private"),
      checked({latent.text("private_family"), latent.text("private_scale")},
              "latent.private_family, latent.private_scale")};
  if (options.size == 0) {
    return nullptr;
  }
  std::vector<std::string> names;
  std::vector<std::int64_t> features;
  for (const auto& encoder : encoders) {
    names.push_back(encoder->context().modality.name);
    features.push_back(encoder->context().private_features);
  }
  seed_weights(context.seed, "private");
  return std::make_shared<PrivateLatents>(options, names, features);
}

PriorContext Experiment::prior_context() const {
  return {config_.settings("latent").integer("shared"), dataset_->modalities(),
          first_stage_->model().feature_sizes(),
          first_stage_->model().fusion().context().slots};
}

void Experiment::make_first_stage(const RunContext& context) {
  const auto& latent = config_.settings("latent");
  const LatentSizes sizes{latent.integer("shared"), latent.integer("private")};
  auto encoders = make_encoders(context);
  FusionContext fusion{dataset_->modalities(), {}, sizes.shared, {}};
  for (const auto& encoder : encoders) {
    fusion.features.push_back(encoder->context().features);
  }
  for (const auto& modality : dataset_->modalities()) {
    fusion.slots.push_back(
        encoder_settings(config_, modality.name).settings.integer("slot"));
  }
  const auto& fusion_section = config_.at("fusion");
  seed_weights(context.seed, "fusion");
  auto fused = registry_.make_fusion(fusion_section.plugin,
                                     fusion_section.settings, fusion);
  const auto& prior_section = config_.at("prior");
  seed_weights(context.seed, "prior");
  auto prior = registry_.make_prior(
      prior_section.plugin, prior_section.settings,
      {sizes.shared, dataset_->modalities(), fusion.features, fusion.slots});
  const auto& objective_section = config_.at("objective");
  seed_weights(context.seed, "objective");
  auto objective = registry_.make_objective(
      objective_section.plugin, objective_section.settings,
      {dataset_->modalities(), fusion.features, sizes.shared, sizes.private_});
  auto privates = make_private_latents(encoders, context);
  auto model = std::make_shared<MultimodalModel>(
      dataset_->modalities(), sizes, std::move(encoders), std::move(fused),
      std::move(prior), std::move(privates));
  first_stage_ = std::make_unique<FirstStage>(model, objective);
  first_stage_->to(device_);
  set_memory_format(*first_stage_, at::MemoryFormat::ChannelsLast);
  check_objective();
  check_incomplete();
}

void Experiment::check_incomplete() const {
  const auto& model = first_stage_->model();
  std::vector<ModalitySubset> missing;
  for (const auto& subset : occurring_) {
    if (!model.serves(subset) && missing.size() < kNamedSubsets) {
      missing.push_back(subset);
    }
  }
  if (missing.empty()) {
    return;
  }
  throw Error(ErrorKind::usage,
              "missing.rate = " +
                  to_text(config_.settings("missing").real("rate")) +
                  " leaves tuples with only " +
                  subset_names(missing, model.modalities()) +
                  ", which fusion '" + config_.at("fusion").plugin +
                  "' does not serve (it serves " +
                  model.fusion().serves_what() + ")",
              "choose a fusion that serves every subset, or set missing.rate "
              "= 0");
}

void Experiment::check_objective() const {
  using Fitting = PriorTraits::Fitting;
  const auto& model = first_stage_->model();
  const auto fitting = first_stage_->model().prior().traits().fitting;
  if (fitting != Fitting::as_is && fitting != Fitting::with_model) {
    throw Error(ErrorKind::usage,
                "prior.plugin: '" + config_.at("prior").plugin +
                    "' is fitted after training; it cannot be the training "
                    "prior",
                "name it in a [fitted_prior." + config_.at("prior").plugin +
                    "] section, and choose a training prior, for example "
                    "standard_normal: shalab plugins list prior");
  }
  std::vector<ModalitySubset> missing;
  for (const auto& subset : first_stage_->objective().needed_subsets()) {
    if (!model.serves(subset)) {
      missing.push_back(subset);
    }
  }
  if (!missing.empty()) {
    throw Error(ErrorKind::usage,
                "objective '" + config_.at("objective").plugin +
                    "' needs posteriors of " +
                    subset_names(missing, model.modalities()) +
                    ", which fusion '" + config_.at("fusion").plugin +
                    "' does not serve (it serves " +
                    model.fusion().serves_what() + ")",
                "choose a fusion that serves subsets, or an objective that "
                "needs the full set only (elbo)");
  }
}

void Experiment::make_fitted(const RunContext& context) {
  for (const auto* section : config_.of_kind("fitted_prior")) {
    seed_weights(context.seed, section->name);
    FittedPrior fitted{section->instance, section->plugin, section->settings,
                       registry_.make_prior(section->plugin, section->settings,
                                            prior_context())};
    const auto fitting = fitted.prior->traits().fitting;
    if (fitting != PriorTraits::Fitting::at_once &&
        fitting != PriorTraits::Fitting::by_steps) {
      throw Error(ErrorKind::usage,
                  section->name + ": prior '" + section->plugin +
                      "' cannot be fitted after training",
                  "choose one that is fitted, for example gaussian_mixture "
                  "or diffusion: shalab plugins list prior");
    }
    fitted.prior->to(device_);
    fitted_.push_back(std::move(fitted));
  }
}

StageOptions Experiment::train_options() const {
  return stage_options(config_.settings("train"), "first_stage",
                       dataset_->size(Split::train));
}

std::shared_ptr<Prior> Experiment::copy_of(const FittedPrior& fitted,
                                           const Settings& settings) const {
  auto copy = registry_.make_prior(fitted.plugin, settings, prior_context());
  copy->to(device_);
  load_tensors(*copy, tensors_of(*fitted.prior, ""), "");
  copy->eval();
  return copy;
}

LatentSource Experiment::variant(const std::string& name,
                                 const std::string& key,
                                 const std::string& value) const {
  const auto& section = config_.at("latent_source." + name);
  const auto& of = section.settings.text("of");
  for (const auto& fitted : fitted_) {
    if (fitted.name != of) {
      continue;
    }
    auto settings = fitted.settings;
    for (const auto& field : fitted.settings.fields().all()) {
      if (field.changes_after_training && section.settings.has(field.name)) {
        settings.set(field.name, section.settings.value(field.name));
      }
    }
    if (!key.empty()) {
      const auto* field = settings.fields().find(key);
      if (field == nullptr || !field->changes_after_training) {
        throw Error(ErrorKind::usage,
                    section.name + ".tune: '" + key + "' is no key of '" + of +
                        "' that may change after "
                        "training",
                    "see shalab plugins show " + fitted.plugin);
      }
      const auto parsed = parse_value(*field, value);
      if (!parsed.value) {
        throw Error(
            ErrorKind::usage,
            section.name + ".tune_values: '" + value + "' " + parsed.complaint,
            describe(*field));
      }
      settings.set(key, *parsed.value);
    }
    return {name, copy_of(fitted, settings)};
  }
  throw Error(ErrorKind::usage,
              section.name + ".of: no fitted prior '" + of + "'",
              "name one of the [fitted_prior.NAME] sections");
}

LatentSource Experiment::latent_source(const std::string& name) const {
  if (name == "posterior") {
    return {name, nullptr};
  }
  if (name == "training_prior") {
    return {name, first_stage_->model().shared_prior()};
  }
  for (const auto& fitted : fitted_) {
    if (fitted.name == name) {
      return {name, fitted.prior};
    }
  }
  if (config_.has("latent_source." + name)) {
    return variant(name, "", "");
  }
  throw Error(ErrorKind::usage, "no latent source '" + name + "'",
              "use training_prior, posterior, a fitted prior or a "
              "[latent_source.NAME]");
}

std::vector<std::string> Experiment::source_names() const {
  const auto& listed = config_.settings("evaluate").list("latent_sources");
  if (!listed.empty()) {
    return listed;
  }
  std::vector<std::string> names{"training_prior"};
  for (const auto& fitted : fitted_) {
    names.push_back(fitted.name);
  }
  for (const auto* section : config_.of_kind("latent_source")) {
    names.push_back(section->instance);
  }
  return names;
}

std::vector<MetricMaker> Experiment::metrics() const {
  std::vector<MetricMaker> result;
  for (const auto* section : config_.of_kind("metric")) {
    const bool is_plain = section->instance == section->plugin;
    result.push_back({section->instance,
                      is_plain ? "" : "metric=" + section->instance,
                      [this, section](const MetricContext& context) {
                        return registry_.make_metric(
                            section->plugin, section->settings, context);
                      }});
  }
  return result;
}

EvaluationOptions Experiment::evaluation_options() const {
  const auto& settings = config_.settings("evaluate");
  EvaluationOptions options;
  options.split = split_from(settings.text("split"));
  const auto limit = settings.integer("max_samples");
  options.max_samples = limit > 0 ? limit : dataset_->size(options.split);
  return options;
}

std::int64_t Experiment::evaluation_batch() const {
  return config_.settings("evaluate").integer("batch_size");
}

}  // namespace shalab
