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

  void add(const Terms& terms) { add(stacked(terms)); }
  // In two parts, for terms that a recorded step computes anew: one tensor of
  // all values, whose names are kept; and what it adds to the means.
  at::Tensor stacked(const Terms& terms);
  void add(const at::Tensor& stacked);
  // Means since the last take, `step` steps done; empty when nothing was
  // added. Throws Error(run) where a term is not finite: it names the step in
  // which the first one turned so, and the terms that did in that step.
  std::vector<TermPoint> take(std::int64_t step);
  // The latest means as "loss 123.4" for a progress line; empty at first.
  const std::string& summary() const { return summary_; }

 private:
  void refuse(std::int64_t step, const at::Tensor& first_bad) const;

  std::string stage_;
  std::vector<std::string> names_;
  at::Tensor sums_;
  at::Tensor first_bad_;  // by term: adds before the one that was not finite
  std::int64_t count_ = 0;
  std::string summary_;
};

}  // namespace shalab
