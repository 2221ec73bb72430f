#pragma once
// Numbers of the host that change from step to step.

namespace shalab {

// A number that is handed to a step and remembers whether it was read. A GPU
// may record a step once and replay it; what the step computed from this number
// would then stay as it was. A step that read one is therefore not recorded:
// read it only where the result depends on it. [one thread]
template <typename T>
class HostNumber {
 public:
  HostNumber(T value) : value_(value) {}

  operator T() const {
    was_read_ = true;
    return value_;
  }
  // Whether a number that only grows is at `limit` or beyond. Counts as read
  // until it is; afterwards no step can come out otherwise.
  bool has_reached(T limit) const {
    was_read_ = was_read_ || value_ < limit;
    return value_ >= limit;
  }
  // For those who say by other means when a recorded step ends (Prior::phase).
  T unobserved() const { return value_; }

  bool was_read() const { return was_read_; }

 private:
  T value_;
  mutable bool was_read_ = false;
};

}  // namespace shalab
