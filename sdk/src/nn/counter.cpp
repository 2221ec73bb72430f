#include "shalab/nn/counter.h"

#include <ATen/ATen.h>

namespace shalab::nn {

Counter::Counter()
    : buffer_(register_buffer("value", at::zeros({}, at::kLong))) {}

Counter::~Counter() = default;

std::int64_t Counter::value() {
  if (buffer_._version() != seen_version_) {
    value_ = buffer_.item<std::int64_t>();
    seen_version_ = buffer_._version();
  }
  return value_;
}

void Counter::set(std::int64_t value) {
  buffer_.fill_(value);
  value_ = value;
  seen_version_ = buffer_._version();
}

}  // namespace shalab::nn
