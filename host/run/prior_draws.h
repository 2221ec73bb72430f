#pragma once
// Joint draws of a prior, batch after batch.

#include <ATen/core/Generator.h>

#include <optional>

#include "run/context.h"
#include "run/recorded_work.h"
#include "shalab/prior.h"

namespace shalab {

// Draws of equal size on a GPU are recorded and replayed: one graph for a batch
// and a number of evaluations. Elsewhere each is Prior::sample. [main]
class PriorDraws {
 public:
  // Prior, context and generator are lent.
  PriorDraws(Prior& prior, const RunContext& context, at::Generator& generator);

  // n draws; the tensor is the caller's.
  Draw next(std::int64_t n);

 private:
  void draw(std::int64_t n);

  Prior& prior_;
  at::Generator& generator_;
  Draw draw_;  // of recorded draws, z at a fixed place
  std::optional<RecordedWork> recorded_;
};

}  // namespace shalab
