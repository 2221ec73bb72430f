#pragma once
// What a dataset hands out: B tuples of M modalities.

#include <ATen/core/Tensor.h>

#include <vector>

namespace shalab {

// data[m] by modality index: image float [B, C, H, W] in [0, 1]; tokens int64
// [B, T]; vector float [B, D]. A modality missing in a sample holds zeros
// there. `labels` are for judges and probes only: no model reads them.
struct Batch {
  std::vector<at::Tensor> data;  // M tensors, all on one device
  at::Tensor presence;           // bool [B, M]: is x_m observed
  at::Tensor labels;             // int64 [B], undefined when unlabelled
  at::Tensor ids;                // int64 [B]: index in the split

  std::int64_t size() const {
    return presence.defined() ? presence.size(0) : 0;
  }
};

// Deterministic features h_m of one modality (encoder.h).
struct Features {
  at::Tensor shared;    // [B, H]
  at::Tensor private_;  // [B, P], undefined without private latents
};

}  // namespace shalab
