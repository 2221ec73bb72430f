#pragma once
// Prior plugin: p(z), in the objective or fitted to the aggregate posterior.

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shalab/batch.h"
#include "shalab/fields.h"
#include "shalab/modality.h"
#include "shalab/parameter_group.h"
#include "shalab/plugin.h"
#include "shalab/posterior.h"
#include "shalab/services.h"
#include "shalab/terms.h"

namespace shalab {

struct PriorTraits {
  enum class Density { normalised, unnormalised, none };
  // as_is: nothing to fit; with_model: parameters train inside the objective;
  // at_once: fit(); by_steps: loss() and after_step().
  enum class Fitting { as_is, with_model, at_once, by_steps };
  Density density = Density::none;
  Fitting fitting = Fitting::as_is;
  bool is_conditional = false;   // sample_given works
  bool needs_gradients = false;  // sampling runs without InferenceMode
  bool reads_data = false;       // loss and conditions need Batch::data
};

// The aggregate posterior of a split and the features it came from, resident:
// a normal a tuple. Where q(z | X) is a mixture, that of one component, drawn
// by weight.
struct LatentSet {
  at::Tensor mean;                   // [N, D]
  at::Tensor log_var;                // [N, D]; undefined for a dirac
  std::vector<at::Tensor> features;  // by modality [N, H_m]
  at::Tensor presence;               // bool [N, M]; undefined = all present

  // One draw of q(z | X_i) for each index: [B, D].
  at::Tensor draw(const at::Tensor& indices,
                  const std::optional<at::Generator>& generator) const;
};

// One step's worth of it.
struct LatentBatch {
  at::Tensor z;                      // [B, D]
  std::vector<at::Tensor> features;  // by modality [B, H_m]
  // Data only where traits say reads_data; presence where tuples are
  // incomplete (undefined = all present).
  Batch batch;
};

// The validation split under the trained first stage.
struct ValidationLatents {
  at::Tensor pooled;  // [N, D]: means of q(z | X)
  // One draw of q(z | x_m) by modality, [N, D] each; empty where the fusion
  // does not serve single modalities. Rows without x_m mean nothing.
  std::vector<at::Tensor> by_modality;
  at::Tensor presence;  // bool [N, M]
};

// What generation is told. features[m] is undefined outside `subset`.
struct Condition {
  ModalitySubset subset;
  std::vector<at::Tensor> features;    // by modality [B, H_m]
  Batch batch;                         // data where traits say reads_data
  std::optional<Posterior> posterior;  // of the subset, if the fusion serves it
  // Style transfer (ShaLa 4.4): start from `start` [B, D] diffused to the
  // share `noise_level` in (0, 1] of the whole time, instead of from noise.
  at::Tensor start;
  double noise_level = 1.0;
};

struct Draw {
  at::Tensor z;          // [B, D]
  std::int64_t nfe = 0;  // network evaluations per sample, guidance included
};

struct PriorContext {
  std::int64_t latent = 0;  // D
  std::vector<ModalitySpec> modalities;
  std::vector<std::int64_t> features;  // H_m by modality
  // D_m by modality, where z is the modalities' slots side by side; else zeros
  // or empty.
  std::vector<std::int64_t> slots = {};
};

class Prior : public torch::nn::Module {
 public:
  explicit Prior(PriorContext context);
  ~Prior() override;

  virtual PriorTraits traits() const = 0;

  // log p(z) in nats (up to a constant where unnormalised), [...] for z
  // [..., D]. Gradient: to z and to parameters. Error(run) without density.
  at::Tensor log_prob(const at::Tensor& z);
  // KL(q || p) in closed form, [B]; nothing where there is none (then the
  // objective estimates it by a draw). Doing nothing is right.
  virtual std::optional<at::Tensor> kl_from(const Posterior& posterior);

  // n draws of p(z). Gradient: none. All randomness from `generator`.
  Draw sample(std::int64_t n, at::Generator& generator);
  // One draw of p(z | condition) per row of the condition. Error(usage) where
  // the prior is not conditional or the subset is empty.
  Draw sample_given(const Condition& condition, at::Generator& generator);
  // The settings of the sampler in words for the record:
  // "unipc2 steps=10 guidance=2"; `conditional` says for which of the two.
  virtual std::string generation(bool conditional) const;

  // Training with the model. A prior whose parameters are fixed inside the
  // objective (an energy) trains them by a loss of its own: the host calls
  // own_terms once a training step, after the objective's terms, and adds its
  // loss to theirs. An undefined loss adds nothing. It may use what log_prob
  // was asked in that step. Randomness: `generator`.
  virtual Terms own_terms(at::Generator& generator);
  // Parameters that do not follow the stage's optimiser. [before training]
  virtual std::vector<ParameterGroup> parameter_groups();

  // Fitting by steps. `prepare` sees the whole training set once, before the
  // first step (statistics for standardising). `loss` is the mean over the
  // batch; `progress` in [0, 1) is the share of the stage done. `after_step`
  // follows each optimiser step (EMA, snapshots).
  virtual void prepare(const LatentSet& latents);
  virtual Terms loss(const LatentBatch& batch, double progress,
                     at::Generator& generator);
  virtual void after_step(double progress);
  // A number that changes where the work of `loss` does, for a step that a GPU
  // recorded is replayed only within one phase. Default 0, for one phase.
  virtual std::int64_t phase(double progress) const;
  // Where the learning rate's schedule stands, in [0, 1): a prior that trains
  // in parts can give each its own. The default is progress itself.
  virtual double schedule_progress(double progress) const;
  // Fitting at once, to the whole training set (EM).
  virtual void fit(const LatentSet& latents, const Services& services,
                   at::Generator& generator);
  // After the last step, with latents [N, D] of the validation split (CMVAE's
  // pruning). Doing nothing is right.
  virtual void after_training(const at::Tensor& latents);
  // What the host calls then, of training priors too. The default hands the
  // pooled latents to after_training.
  virtual void finish(const ValidationLatents& latents);

  const PriorContext& context() const { return context_; }

 protected:
  virtual at::Tensor do_log_prob(const at::Tensor& z);
  virtual Draw do_sample(std::int64_t n, at::Generator& generator) = 0;
  virtual Draw do_sample_given(const Condition& condition,
                               at::Generator& generator);

 private:
  PriorContext context_;
};

using Factory_prior =
    std::function<std::shared_ptr<Prior>(const Settings&, const PriorContext&)>;

// Keys of the stage that fits a prior by steps, with this plugin's defaults;
// the host reads them from the plugin's own section: epochs, max_steps,
// batch_size, learning_rate, optimiser, weight_decay, schedule, warmup_steps,
// clip_norm.
struct StepDefaults {
  std::int64_t epochs = 20;
  std::int64_t batch_size = 256;
  double learning_rate = 1e-3;
  double weight_decay = 0.0;
  std::string schedule = "cosine";
  std::int64_t warmup_steps = 300;
  double clip_norm = 1.0;
};
void declare_step_fields(FieldList& fields, const StepDefaults& defaults);

}  // namespace shalab
