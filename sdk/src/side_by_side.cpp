#include "shalab/side_by_side.h"

#include <utility>

namespace shalab {

namespace {

SideBySide*& current() {
  thread_local SideBySide* way = nullptr;
  return way;
}

// Bodies run plainly what they run side by side themselves.
class PlainScope {
 public:
  PlainScope() : before_(std::exchange(current(), nullptr)) {}
  ~PlainScope() { current() = before_; }
  PlainScope(const PlainScope&) = delete;
  PlainScope& operator=(const PlainScope&) = delete;

 private:
  SideBySide* before_;
};

}  // namespace

SideBySide::~SideBySide() = default;

SideBySideScope::SideBySideScope(SideBySide& way)
    : before_(std::exchange(current(), &way)) {}

SideBySideScope::~SideBySideScope() { current() = before_; }

void side_by_side(std::size_t count,
                  const std::function<void(std::size_t)>& body) {
  SideBySide* way = current();
  if (way == nullptr || count < 2) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
  const PlainScope plain;
  way->run(count, body);
}

}  // namespace shalab
