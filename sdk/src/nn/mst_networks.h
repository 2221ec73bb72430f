#pragma once
// The published classifiers of SVHN and of the text of MNIST-SVHN-Text.

#include <memory>

#include "shalab/nn/judges.h"

namespace shalab {

// Four convolutions (4x4; stride 2, padding 1, the last without), each with
// batch normalisation and a ReLU, then linear. x: [B, 3, 32, 32].
std::shared_ptr<JudgeNetwork> make_mst_svhn();

// Two residual blocks over one-hot symbols, then linear. x: [B, 8], tokens of
// 71 symbols in any floating or integer type.
std::shared_ptr<JudgeNetwork> make_mst_text();

}  // namespace shalab
