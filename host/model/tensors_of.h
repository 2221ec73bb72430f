#pragma once
// A module's tensors by name: what checkpoints keep.

#include <torch/nn/module.h>

#include <map>
#include <string>

namespace shalab {

using NamedTensors = std::map<std::string, at::Tensor>;

// Parameters and buffers, keyed "<prefix><path>". They alias the module.
NamedTensors tensors_of(const torch::nn::Module& module,
                        const std::string& prefix);

// Copies into the module what `tensors` holds under `prefix`. Throws
// Error(resume) that names the first tensor that is missing, left over or of
// another shape. Undefined buffers are not stored.
void load_tensors(torch::nn::Module& module, const NamedTensors& tensors,
                  const std::string& prefix);

// Clones, so that later training does not change them.
NamedTensors cloned(const NamedTensors& tensors);

}  // namespace shalab
