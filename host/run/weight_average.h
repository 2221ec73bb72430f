#pragma once
// A moving average of a stage's weights.

#include "model/tensors_of.h"

namespace shalab {

// average <- average + (1 - d) (weights - average), d = min(decay,
// (1 + n) / (10 + n)) after n steps; the first update copies. Integer tensors
// are copied. Empty until then. [main]
class WeightAverage {
 public:
  void update(const NamedTensors& weights, double decay,
              std::int64_t steps_done);
  const NamedTensors& weights() const { return weights_; }
  void restore(NamedTensors weights) { weights_ = std::move(weights); }

 private:
  NamedTensors weights_;
};

}  // namespace shalab
