#pragma once
// bf16 copies of frozen parameters.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace shalab::nn {

// The copy of one parameter in autocast's number format, made anew only when
// the parameter has changed in place or moved. (Autocast keeps the copies of
// trained parameters while a scope lasts, and casts frozen ones at every call.)
class Shadow {
 public:
  // What a layer calculates with: the copy, where autocast is on for the CPU
  // and `parameter` is a frozen fp32 tensor there; otherwise `parameter`, which
  // may be undefined.
  at::Tensor of(const at::Tensor& parameter);

 private:
  at::Tensor copy_;
  at::Tensor source_;  // keeps the memory that was cast from being given away
  std::int64_t version_ = -1;
};

}  // namespace shalab::nn
