#include "run/prior_terms.h"

#include <ATen/ops/index_select.h>

namespace shalab {

Terms prior_terms(Prior& prior, const LatentSet& latents,
                  const Dataset& dataset, const at::Tensor& indices,
                  const StepInfo& info, StepClock& clock) {
  LatentBatch batch;
  batch.z = latents.draw(indices, info.generator);
  for (const auto& features : latents.features) {
    batch.features.push_back(features.index_select(0, indices));
  }
  if (prior.traits().reads_data) {
    batch.batch = dataset.gather(Split::train, indices);
  } else if (latents.presence.defined()) {
    batch.batch.presence = latents.presence.index_select(0, indices);
  }
  clock.lap("data");
  const double progress =
      static_cast<double>(info.step) / static_cast<double>(info.num_steps);
  return prior.loss(batch, progress, info.generator);
}

}  // namespace shalab
