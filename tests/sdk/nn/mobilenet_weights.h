#pragma once
// Weights of MobileNetV2 made by a formula.

#include <string>

#include "inception_weights.h"
#include "shalab/nn/mobilenet.h"

namespace shalab {

// Every layer's output is cut to [0, 6] where a ReLU6 follows it, to [-20, 20]
// elsewhere.
inline at::Tensor formula_mobilenet_tensor(
    const std::string& name, const std::vector<std::int64_t>& shape) {
  if (!name.ends_with(".range")) {
    return formula_weight(
        name.ends_with(".weight") ? name + ".conv.weight" : name, shape);
  }
  const bool is_linear = name.find("project") != std::string::npos ||
                         name.find("sum") != std::string::npos ||
                         name.find("classifier") != std::string::npos;
  return is_linear ? at::tensor({-20.0F, 20.0F}) : at::tensor({0.0F, 6.0F});
}

inline std::map<std::string, at::Tensor> formula_mobilenet_weights(
    std::int64_t num_classes) {
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, shape] : mobilenet_weight_shapes(num_classes)) {
    weights[name] = formula_mobilenet_tensor(name, shape);
  }
  return weights;
}

}  // namespace shalab
