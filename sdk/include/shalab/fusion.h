#pragma once
// Fusion plugin: features of the present modalities -> one posterior.

#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <vector>

#include "shalab/batch.h"
#include "shalab/fields.h"
#include "shalab/modality.h"
#include "shalab/plugin.h"
#include "shalab/posterior.h"

namespace shalab {

struct FusionContext {
  std::vector<ModalitySpec> modalities;
  std::vector<std::int64_t> features;  // H_m by modality
  std::int64_t latent = 0;             // D
  std::vector<std::int64_t> slots;     // D_m by modality; zero = no slots
};

// A fusion owns its expert heads. Where it serves a subset of one, that is the
// unimodal posterior.
class Fusion : public torch::nn::Module {
 public:
  // Error(usage) unless the slots are all zero or add up to D.
  explicit Fusion(FusionContext context);
  ~Fusion() override;

  // q(z | x_S) for each sample, S = the modalities present in it.
  // features[m].shared [B, H_m], by modality index; presence bool [B, M], at
  // least one true in each row, each row a subset this fusion serves (the host
  // checks subsets before training, not each step). presence may also hold
  // T * B rows, T subsets of the same samples: row t * B + b of the result is
  // sample b under row t * B + b of presence. Gradient: to the
  // parameters and to the features of present modalities; none to absent ones.
  // [main; configured]
  Posterior fuse(const std::vector<Features>& features,
                 const at::Tensor& presence);

  // Can samples with exactly these modalities be fused? Never for the empty
  // subset.
  bool serves(ModalitySubset subset) const;

  // For refusals: "every non-empty subset", "only the full set".
  virtual std::string serves_what() const = 0;

  const FusionContext& context() const { return context_; }

 protected:
  // presence [B, M], or [T * B, M] where repeats_rows().
  virtual Posterior do_fuse(const std::vector<Features>& features,
                            const at::Tensor& presence) = 0;
  // Does do_fuse take T * B rows of presence itself, each expert evaluated
  // once? Otherwise fuse repeats the features.
  virtual bool repeats_rows() const { return false; }
  virtual bool do_serves(ModalitySubset subset) const = 0;

 private:
  FusionContext context_;
};

using Factory_fusion = std::function<std::shared_ptr<Fusion>(
    const Settings&, const FusionContext&)>;

}  // namespace shalab
