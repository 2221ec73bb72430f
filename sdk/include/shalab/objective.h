#pragma once
// Objective plugin: how a model's terms become one loss.

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shalab/batch.h"
#include "shalab/fields.h"
#include "shalab/host_number.h"
#include "shalab/likelihood.h"
#include "shalab/modality.h"
#include "shalab/plugin.h"
#include "shalab/posterior.h"
#include "shalab/prior.h"
#include "shalab/terms.h"

namespace shalab {

// The parts of a model that an objective may use, lent for one call.
class ModelView {
 public:
  virtual ~ModelView();
  virtual const std::vector<ModalitySpec>& modalities() const = 0;
  // Features of every modality, by index.
  virtual std::vector<Features> encode(const Batch& batch) = 0;
  // q(z | x_S), S by row of presence [B, M] or [T * B, M] (fusion.h).
  virtual Posterior fuse(const std::vector<Features>& features,
                         const at::Tensor& presence) = 0;
  // p(x_m | code), code [N, shared + private]. Call it once per modality and
  // step with all (source, sample) pairs in N, never in a loop over pairs.
  virtual Likelihood decode(std::size_t modality, const at::Tensor& code) = 0;
  virtual Prior& prior() = 0;  // the training prior
  virtual bool serves(ModalitySubset subset) const = 0;

  // Columns of the private latent w_m, alike for every modality; 0 = none.
  virtual std::int64_t private_size() const;
  // q(w_m | x_m) from the features of modality m.
  virtual Posterior private_posterior(std::size_t modality,
                                      const Features& features);
  // p(w_m) of `rows` rows: the standard distribution of q's family, scale 1.
  virtual Posterior private_prior(std::int64_t rows) const;
};

struct StepInfo {
  HostNumber<std::int64_t> step = 0;  // steps done before this one
  std::int64_t num_steps = 1;         // of the whole stage
  HostNumber<double> epoch = 0.0;     // epochs done, fractional
  at::Generator& generator;           // of this purpose; on the batch's device
};

struct ObjectiveContext {
  std::vector<ModalitySpec> modalities;
  std::vector<std::int64_t> features;  // H_m by modality
  std::int64_t latent = 0;             // D
  std::int64_t private_latent = 0;     // columns of w_m; 0 = none
};

// The elbo is higher-is-better, loss = -elbo; sums over dimensions, means over
// the batch; terms in nats.
class Objective : public torch::nn::Module {
 public:
  explicit Objective(ObjectiveContext context);
  ~Objective() override;

  // Gradient: `loss` to all parameters that train. No host-device
  // synchronisation, no randomness but `info.generator`. [main; training]
  Terms terms(ModelView& model, const Batch& batch, const StepInfo& info);

  // Subsets the fusion must serve; the host refuses a fusion that does not,
  // before training. Default: the full set.
  virtual std::vector<ModalitySubset> needed_subsets() const;

  const ObjectiveContext& context() const { return context_; }

 protected:
  virtual Terms do_terms(ModelView& model, const Batch& batch,
                         const StepInfo& info) = 0;

 private:
  ObjectiveContext context_;
};

using Factory_objective = std::function<std::shared_ptr<Objective>(
    const Settings&, const ObjectiveContext&)>;

}  // namespace shalab
