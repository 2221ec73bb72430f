#pragma once
// What a column is: an image, a vector or tokens, and its compact form.

#include <ATen/core/Tensor.h>

#include "shalab/fields.h"
#include "shalab/modality.h"
#include "source.h"

namespace shalab::paired_folder {

// Declares `text_unit`, `text_length` and `min_count`.
void declare_text_fields(FieldList& fields);

struct Modality {
  ModalitySpec spec;
  at::Tensor data;      // [N, ...] as ResidentSplit holds it
  at::Tensor presence;  // bool [N]
};

// By rank, N included, and type:
//   3, 4    image [1, H, W] from [N, H, W]; [C, H, W] from [N, C, H, W] or
//           [N, H, W, C] with C = 1 or 3; uint8, bool, or float in [0, 1]
//   1, 2    vector [D] of float or bool (finite; [N] is D = 1); tokens [T] of
//           whole numbers from 0, the symbols being the numbers' names
//   texts   tokens [T]; see text.h. `training` int64 [n]: the tuples whose
//           texts make the vocabulary
// Error(data) naming the column's origin on anything else.
Modality as_modality(const Column& column, const at::Tensor& training,
                     const Settings& settings);

}  // namespace shalab::paired_folder
