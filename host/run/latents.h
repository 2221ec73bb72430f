#pragma once
// A frozen first stage applied to a whole split.

#include "model/multimodal_model.h"
#include "run/context.h"
#include "shalab/dataset.h"
#include "shalab/prior.h"

namespace shalab {

struct EncodedSplit {
  LatentSet latents;      // all modalities present
  at::Tensor labels;      // int64 [N], undefined when unlabelled
  std::int64_t size = 0;  // N
};

// The aggregate posterior of the first `limit` tuples (0 = all) of `split`,
// in order, in batches, without gradients. Randomness: none.
EncodedSplit encode_split(MultimodalModel& model, const Dataset& dataset,
                          Split split, const RunContext& context,
                          std::int64_t limit = 0);

// Indices first .. first + count - 1 on the run's device.
at::Tensor index_range(std::int64_t first, std::int64_t count,
                       c10::Device device);

}  // namespace shalab
