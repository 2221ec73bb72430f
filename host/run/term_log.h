#pragma once
// Means of a stage's terms between two looks at them.

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "run/context.h"
#include "shalab/terms.h"

namespace shalab {

// Adds terms up on the device; only `take` waits for it.
class TermLog {
 public:
  explicit TermLog(std::string stage) : stage_(std::move(stage)) {}

  void add(const Terms& terms);
  // Means since the last take, `step` steps done; empty when nothing was
  // added. Throws Error(run) naming the first term that is not finite, and
  // the steps in which it turned so.
  std::vector<TermPoint> take(std::int64_t step);
  // The latest means as "loss 123.4" for a progress line; empty at first.
  const std::string& summary() const { return summary_; }

 private:
  std::string stage_;
  std::vector<std::string> names_;
  at::Tensor sums_;
  std::int64_t count_ = 0;
  std::string summary_;
};

}  // namespace shalab
