#pragma once
// A frozen first stage applied to a whole split.

#include "model/multimodal_model.h"
#include "run/context.h"
#include "shalab/dataset.h"
#include "shalab/prior.h"

namespace shalab {

struct EncodedSplit {
  // What a prior is fitted to, of the modalities present in each tuple. Where
  // q(z | X) is a mixture, each tuple stands for one of its components, drawn
  // by weight: over the split that is the aggregate posterior, which the
  // moments of whole mixtures would blur.
  LatentSet latents;
  at::Tensor mean;     // [N, D]: of q(z | X)
  at::Tensor log_var;  // [N, D]: of its whole variance; undefined for a dirac
  at::Tensor labels;   // int64 [N], undefined when unlabelled
  // Means of q(w_m | x_m) by modality, [N, P]; empty without private latents.
  std::vector<at::Tensor> private_means;
  std::int64_t size = 0;  // N
};

// The first `limit` tuples (0 = all) of `split`, in order, in batches, without
// gradients. Randomness: a generator of the purpose "latents/<split>", for
// mixtures only.
EncodedSplit encode_split(MultimodalModel& model, const Dataset& dataset,
                          Split split, const RunContext& context,
                          std::int64_t limit = 0);

// The validation split for Prior::finish. Randomness: a generator of the
// purpose "latents/by_modality".
ValidationLatents validation_latents(MultimodalModel& model,
                                     const Dataset& dataset,
                                     const RunContext& context);

// Indices first .. first + count - 1 on the run's device.
at::Tensor index_range(std::int64_t first, std::int64_t count,
                       c10::Device device);

}  // namespace shalab
