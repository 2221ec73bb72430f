#pragma once
// Wall time on a clock that never jumps.

#include <chrono>

namespace shalab {

class Stopwatch {
 public:
  Stopwatch() : start_(Clock::now()) {}

  // Seconds since it was made or restarted.
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

  void restart() { start_ = Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_;
};

}  // namespace shalab
