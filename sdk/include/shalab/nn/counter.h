#pragma once
// A count that is saved with the weights and read without waiting.

#include <torch/nn/module.h>

#include <cstdint>

namespace shalab::nn {

// An int64 scalar buffer with a copy on the host. Reading it waits for the
// device only when something else wrote the buffer (a load, a move), never in
// a running loop. Starts at zero. [main]
class Counter : public torch::nn::Module {
 public:
  Counter();
  ~Counter() override;

  std::int64_t value();
  void set(std::int64_t value);

 private:
  at::Tensor buffer_;
  std::int64_t value_ = 0;
  std::int64_t seen_version_ = -1;
};

}  // namespace shalab::nn
