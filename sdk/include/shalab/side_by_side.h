#pragma once
// Pieces of work that do not wait for each other, such as the networks of the
// modalities.

#include <cstddef>
#include <functional>

namespace shalab {

// Calls body(0), ..., body(count - 1) in this order. Where a GPU records a step
// with run.branches, what each asks of the device goes to a stream of its own,
// so that small kernels of several fill it together. A body reads tensors that
// were there before the call, and its own; nobody but itself reads what it
// makes before the call ends. Calls within a body run plainly. What a body
// throws is passed on. [main]
void side_by_side(std::size_t count,
                  const std::function<void(std::size_t)>& body);

// A way to do so; the default is a loop.
class SideBySide {
 public:
  virtual ~SideBySide();
  virtual void run(std::size_t count,
                   const std::function<void(std::size_t)>& body) = 0;
};

// side_by_side of this thread goes to `way` while it lives.
class SideBySideScope {
 public:
  explicit SideBySideScope(SideBySide& way);
  ~SideBySideScope();
  SideBySideScope(const SideBySideScope&) = delete;
  SideBySideScope& operator=(const SideBySideScope&) = delete;

 private:
  SideBySide* before_;
};

}  // namespace shalab
