#pragma once
// All training of a run: the first stage, then each fitted prior on the same
// frozen first stage, with checkpoints between and within.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "model/checkpoint.h"
#include "run/best_keeper.h"
#include "run/context.h"
#include "run/execution.h"
#include "run/experiment.h"
#include "run/identity.h"
#include "run/latents.h"
#include "run/step_loop.h"
#include "run/weight_average.h"

namespace shalab {

// A run is a position (stage, step) in its stages. `train` goes on from it;
// the position, the weights of every stage, optimiser and generator make a
// checkpoint.
// Where several ranks train, each has a pipeline and calls the same methods.
// Rank 0 alone validates, fits at once, finishes priors and writes checkpoints;
// its tensors and decisions become all the others'. [main]
class Pipeline {
 public:
  Pipeline(Experiment& experiment, const RunContext& context);

  // Takes the newest valid checkpoint of the run's folder. False when there is
  // none; skipped ones are logged with their reason.
  bool restore(const IdentityRule& rule = {});
  // Takes the trained first stage of another run's folder.
  void adopt_first_stage(const std::filesystem::path& run_folder);

  // Until the end of the last stage, or until cancelled (then a checkpoint is
  // written first).
  Outcome train();

  bool is_trained() const { return stage_ == num_stages(); }
  // Stages done: the first stage, then fitted priors in order.
  std::size_t stages_done() const { return stage_; }
  std::int64_t global_step() const;

 private:
  std::size_t num_stages() const;
  Outcome train_first_stage();
  Outcome fit(FittedPrior& fitted);
  Outcome fit_by_steps(FittedPrior& fitted);
  Outcome run_loop(StageOptions options, torch::nn::Module& stage,
                   StepHooks hooks,
                   const std::vector<ParameterGroup>& groups = {});
  void use_execution(const nlohmann::json& state);
  void choose_execution_once();
  // All ranks take rank 0's tensors; nothing to do for a process alone.
  void share(const torch::nn::Module& module);
  bool validate(std::int64_t steps_done, const StageOptions& options);
  const LatentSet& latents();
  void begin_next_stage();
  void save(const StepLoop* loop);
  NamedTensors all_tensors() const;
  void load_all(const NamedTensors& tensors);

  Experiment& experiment_;
  const RunContext& context_;
  BestKeeper best_;
  WeightAverage average_;
  std::optional<LatentSet> latents_;
  std::optional<Execution> execution_;  // chosen when training begins
  std::size_t stage_ = 0;
  std::int64_t steps_before_ = 0;  // of finished stages, for checkpoint names
  std::int64_t step_ = 0;          // of the current stage
  std::map<std::string, at::Tensor> pending_;  // optimiser state to restore
};

}  // namespace shalab
