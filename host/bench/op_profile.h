#pragma once
// What LibTorch operators a piece of work calls: how often, how long, how many
// floating-point operations and bytes.

#include <cstdint>
#include <map>
#include <string>

namespace shalab {

// Convolutions and products are one call each, whatever they call inside. Of
// the others only calls that touch memory and call nothing count: no views, no
// empty tensors.
struct OpCost {
  std::int64_t calls = 0;
  double seconds = 0.0;  // without what called operators took
  double flop = 0.0;     // 2 per multiply-add; convolutions and products only
  double bytes = 0.0;    // of the tensors in and out of counted calls
};

// Records every operator of this thread and of its backward passes while it
// lives; what gathers the next batch meanwhile is not the step's. One at a time
// (failed check otherwise). Costs about a microsecond a call, so do not time a
// step under it. [main]
class OpProfile {
 public:
  OpProfile();
  ~OpProfile();
  OpProfile(const OpProfile&) = delete;
  OpProfile& operator=(const OpProfile&) = delete;

  // By name: "aten::convolution_backward".
  std::map<std::string, OpCost> costs() const;
  // What the profile took outside of operators: its bookkeeping, and what
  // LibTorch adds to a call that is observed, which is measured at the start.
  double own_seconds() const;

 private:
  std::uint64_t handle_ = 0;
};

OpCost total(const std::map<std::string, OpCost>& costs);

}  // namespace shalab
