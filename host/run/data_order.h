#pragma once
// Which tuples a step sees.

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace shalab {

// A fresh permutation of 0..num_items-1 each epoch, cut into batches; the
// last, incomplete batch of an epoch is dropped. A pure function of seed,
// purpose and step: a resumed run needs no stored position.
class DataOrder {
 public:
  DataOrder(std::int64_t num_items, std::int64_t batch_size, std::uint64_t seed,
            std::string purpose, c10::Device device);

  // Indices int64 [batch_size] (all items if there are fewer) of `step`.
  at::Tensor batch(std::int64_t step);
  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }

 private:
  std::int64_t num_items_;
  std::int64_t batch_size_;
  std::int64_t steps_per_epoch_;
  std::uint64_t seed_;
  std::string purpose_;
  c10::Device device_;
  std::int64_t epoch_ = -1;
  at::Tensor permutation_;
};

}  // namespace shalab
