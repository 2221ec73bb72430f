#pragma once
// Where a step's wall time goes.

#include <chrono>
#include <map>
#include <string>

namespace shalab {

// lap("x") adds the time since the previous lap (or start) to "x". Host time:
// on a GPU it shows launches, not kernels. [main]
class StepClock {
 public:
  void start() { last_ = Clock::now(); }
  void lap(const char* part) {
    const auto now = Clock::now();
    seconds_[part] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  const std::map<std::string, double>& seconds() const { return seconds_; }
  void reset() { seconds_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  std::map<std::string, double> seconds_;
};

}  // namespace shalab
