#include "run/first_stage.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "run/latents.h"
#include "shalab/random.h"

namespace shalab {

FirstStage::FirstStage(std::shared_ptr<MultimodalModel> model,
                       std::shared_ptr<Objective> objective)
    : model_(std::move(model)), objective_(std::move(objective)) {
  register_module("model", model_);
  register_module("objective", objective_);
}

Terms FirstStage::terms(const Batch& batch, const StepInfo& info) {
  auto terms = objective_->terms(*model_, batch, info);
  if (!is_training()) {
    return terms;
  }
  const auto own = model_->prior().own_terms(info.generator);
  if (own.loss.defined()) {
    terms.loss = terms.loss + own.loss;
    terms.named.insert(terms.named.end(), own.named.begin(), own.named.end());
  }
  return terms;
}

double FirstStage::validation_loss(const Dataset& dataset,
                                   const RunContext& context,
                                   std::int64_t batch_size) {
  const at::NoGradGuard no_grad;
  auto generator = make_generator(context.seed, "validation", context.device);
  const StepInfo info{1, 1, 1e9, generator};
  const auto size = dataset.size(Split::validation);
  auto sum =
      at::zeros({}, at::TensorOptions(at::kDouble).device(context.device));
  std::int64_t batches = 0;
  const auto rows = std::min(batch_size, size);
  for (std::int64_t first = 0; first + rows <= size; first += rows, ++batches) {
    const AutocastScope autocast(context.precision, context.device);
    const auto batch = model_->laid_out(dataset.gather(
        Split::validation, index_range(first, rows, context.device)));
    sum += terms(batch, info).loss;
  }
  return (sum / static_cast<double>(std::max<std::int64_t>(1, batches)))
      .item<double>();
}

StepTerms first_stage_terms(FirstStage& stage, const Dataset& dataset,
                            const at::Tensor& indices) {
  return [&stage, batch = stage.model().laid_out(dataset.gather(
                      Split::train, indices))](const StepInfo& info) {
    return stage.terms(batch, info);
  };
}

}  // namespace shalab
