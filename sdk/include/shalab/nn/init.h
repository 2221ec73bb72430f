#pragma once
// How weights start.

#include <torch/nn/module.h>

#include <string>

#include "shalab/fields.h"

namespace shalab {

// Declares `init`: default (LibTorch's own, uniform in 1/sqrt(fan_in)) or he.
void declare_init_field(FieldList& fields);

// he: weights of Linear and Conv ~ N(0, 2 / fan_in), of transposed
// convolutions N(0, 2 / fan_out), twice that variance where the stride is 2
// (each output then meets only a part of the kernel); biases zero (He et al.
// 2015). default: nothing. Other layers stay as they are. Randomness: the
// default generator.
void initialise(torch::nn::Module& module, const std::string& init);

}  // namespace shalab
