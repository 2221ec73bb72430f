#include "run/prior_terms.h"

#include <ATen/ops/index_select.h>

namespace shalab {

StepTerms prior_terms(Prior& prior, const LatentSet& latents,
                      const Dataset& dataset, const at::Tensor& indices) {
  LatentBatch gathered;
  for (const auto& features : latents.features) {
    gathered.features.push_back(features.index_select(0, indices));
  }
  if (prior.traits().reads_data) {
    gathered.batch = dataset.gather(Split::train, indices);
  } else if (latents.presence.defined()) {
    gathered.batch.presence = latents.presence.index_select(0, indices);
  }
  return [&prior, &latents, indices, gathered](const StepInfo& info) {
    LatentBatch batch = gathered;
    batch.z = latents.draw(indices, info.generator);
    const double progress =
        static_cast<double>(info.step.unobserved()) /
        static_cast<double>(info.num_steps);
    return prior.loss(batch, progress, info.generator);
  };
}

}  // namespace shalab
