#include "run/best_keeper.h"

namespace shalab {

void BestKeeper::offer(double value, const NamedTensors& tensors) {
  if (best_ && value >= *best_) {
    ++offers_since_;
    return;
  }
  best_ = value;
  offers_since_ = 0;
  weights_ = cloned(tensors);
}

void BestKeeper::restore(double value, std::int64_t offers_since,
                         NamedTensors weights) {
  best_ = value;
  offers_since_ = offers_since;
  weights_ = std::move(weights);
}

}  // namespace shalab
