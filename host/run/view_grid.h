#pragma once
// Views of objects as a grid: what was seen, what is true, what was generated.

#include <vector>

#include "run/picture.h"
#include "shalab/batch.h"
#include "shalab/modality.h"

namespace shalab {

// Error(usage) unless the modalities are pictures of one shape and `given` is
// some of them, but not all.
void require_views(const std::vector<ModalitySpec>& modalities,
                   ModalitySubset given);

// Two rows per object of `truth`, a column per view, the given ones first:
//   v0 framed   true v1     true v2 ...      absent views are left blank
//   blank       made v1     made v2 ...
// `samples`: by modality, [N, C, H, W], as the tuples of `truth`. REQUIRES
// require_views.
std::vector<GridRow> view_rows(const std::vector<ModalitySpec>& modalities,
                               ModalitySubset given, const Batch& truth,
                               const std::vector<at::Tensor>& samples);

}  // namespace shalab
