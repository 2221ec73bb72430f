#pragma once
// The best weights so far, and when to stop looking for better ones.

#include <cstdint>
#include <optional>

#include "model/tensors_of.h"

namespace shalab {

// Lower is better. Values and weights survive a resume: they are part of a
// checkpoint.
class BestKeeper {
 public:
  // Remembers `tensors` (cloned) if `value` is the lowest so far.
  void offer(double value, const NamedTensors& tensors);

  bool has_best() const { return best_.has_value(); }
  double best() const { return *best_; }
  const NamedTensors& weights() const { return weights_; }
  // Offers since the best one.
  std::int64_t offers_since() const { return offers_since_; }

  void restore(double value, std::int64_t offers_since, NamedTensors weights);

 private:
  std::optional<double> best_;
  std::int64_t offers_since_ = 0;
  NamedTensors weights_;
};

}  // namespace shalab
