#pragma once
// What a resolved config composes: data, model, objective, priors, metrics.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/resolve.h"
#include "plugin/registry.h"
#include "run/context.h"
#include "run/evaluate.h"
#include "run/first_stage.h"
#include "run/latent_source.h"
#include "run/stage_options.h"

namespace shalab {

// A [fitted_prior.NAME] section.
struct FittedPrior {
  std::string name;
  std::string plugin;
  Settings settings;
  std::shared_ptr<Prior> prior;
};

struct RunOptions {
  std::int64_t checkpoint_every = 1000;
  std::int64_t keep = 2;
  std::int64_t log_every = 100;
  std::int64_t validate_every = 0;
  std::int64_t early_stop = 0;
  bool restore_best = false;
  double ema = 0.0;  // decay of the first stage's weight average; 0 = off
};

// Everything is made, moved to the device and checked against each other
// here, so that a mistake costs seconds: modality names, a fusion that does
// not serve the objective, a prior that cannot be fitted, a latent source that
// does not exist. Each component's weights are initialised from a seed of its
// own: adding one never reshuffles another.
class Experiment {
 public:
  Experiment(ResolvedConfig config, const Registry& registry,
             const RunContext& context);
  ~Experiment();

  const Registry& registry() const { return registry_; }
  const ResolvedConfig& config() const { return config_; }
  const Dataset& dataset() const { return *dataset_; }
  MultimodalModel& model() { return first_stage_->model(); }
  FirstStage& first_stage() { return *first_stage_; }
  const FirstStage& first_stage() const { return *first_stage_; }
  std::vector<FittedPrior>& fitted() { return fitted_; }
  const std::vector<FittedPrior>& fitted() const { return fitted_; }
  const RunOptions& options() const { return options_; }
  StageOptions train_options() const;

  // The sources that [evaluate] asks for: its list, or training prior, fitted
  // priors and latent sources.
  std::vector<std::string> source_names() const;
  LatentSource latent_source(const std::string& name) const;
  // A copy of the fitted prior behind [latent_source.NAME] under its settings,
  // and with `key` (unless empty) set to `value`.
  LatentSource variant(const std::string& name, const std::string& key,
                       const std::string& value) const;
  std::vector<MetricMaker> metrics() const;
  EvaluationOptions evaluation_options() const;
  std::int64_t evaluation_batch() const;
  std::string dataset_name() const;

 private:
  void make_dataset(const RunContext& context);
  void open_dataset(const RunContext& context);
  void hide_modalities(std::uint64_t seed);
  void make_first_stage(const RunContext& context);
  void make_fitted(const RunContext& context);
  void check_objective() const;
  void check_incomplete() const;
  std::shared_ptr<PrivateLatents> make_private_latents(
      const std::vector<std::shared_ptr<Encoder>>& encoders,
      const RunContext& context) const;
  std::vector<std::shared_ptr<Encoder>> make_encoders(
      const RunContext& context) const;
  PriorContext prior_context() const;
  std::shared_ptr<Prior> copy_of(const FittedPrior& fitted,
                                 const Settings& settings) const;

  ResolvedConfig config_;
  const Registry& registry_;
  c10::Device device_;
  RunOptions options_;
  std::unique_ptr<Dataset> dataset_;
  // Subsets left by [missing]; empty where the data stay complete.
  std::set<ModalitySubset> occurring_;
  std::unique_ptr<FirstStage> first_stage_;
  std::vector<FittedPrior> fitted_;
};

}  // namespace shalab
