#pragma once
// Training encoders, fusion, decoders and training prior by an objective.

#include <torch/nn/module.h>

#include <memory>
#include <optional>
#include <vector>

#include "model/multimodal_model.h"
#include "run/context.h"
#include "run/step_loop.h"
#include "shalab/dataset.h"
#include "shalab/objective.h"

namespace shalab {

// Model and objective train together and are stored together.
class FirstStage : public torch::nn::Module {
 public:
  FirstStage(std::shared_ptr<MultimodalModel> model,
             std::shared_ptr<Objective> objective);

  MultimodalModel& model() { return *model_; }
  Objective& objective() { return *objective_; }

  // The objective's; in training mode with the training prior's own added.
  Terms terms(const Batch& batch, const StepInfo& info);

  // Of the training prior.
  std::vector<ParameterGroup> parameter_groups() {
    return model_->prior().parameter_groups();
  }

  // Mean loss over the validation split, without gradients, with the same
  // draws at every call. [main]
  double validation_loss(const Dataset& dataset, const RunContext& context,
                         std::int64_t batch_size);

 private:
  std::shared_ptr<MultimodalModel> model_;
  std::shared_ptr<Objective> objective_;
};

// Gathers the training tuples `indices`; the step then asks for their terms.
// `stage` must outlive what is returned.
StepTerms first_stage_terms(FirstStage& stage, const Dataset& dataset,
                            const at::Tensor& indices);

}  // namespace shalab
