#pragma once
// The text modality of MNIST-SVHN-Text (Sutter et al., 2020).

#include <ATen/core/Tensor.h>

#include "shalab/modality.h"
#include "shalab/pairing.h"

namespace shalab::mnist_svhn {

// Modality `text`: 8 tokens of 71 symbols, of which the hyphen occurs twice (a
// word is written with the first).
ModalitySpec text_spec();

// The English word of each label, int64 [N] in 0 .. 9, on 8 blanks: uint8
// [N, 8]. A word of n letters starts anywhere in 0 .. 7 - n, so the last symbol
// is always a blank. One draw of `stream` a label, in their order.
at::Tensor write_words(const at::Tensor& labels, RecipeStream& stream);

}  // namespace shalab::mnist_svhn
