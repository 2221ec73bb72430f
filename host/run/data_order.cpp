#include "run/data_order.h"

#include <ATen/ops/randperm.h>

#include <algorithm>

#include "shalab/random.h"

namespace shalab {

DataOrder::DataOrder(std::int64_t num_items, std::int64_t batch_size,
                     std::uint64_t seed, std::string purpose,
                     c10::Device device)
    : num_items_(num_items),
      batch_size_(std::min(batch_size, num_items)),
      steps_per_epoch_(num_items / std::max<std::int64_t>(1, batch_size_)),
      seed_(seed),
      purpose_(std::move(purpose)),
      device_(device) {}

at::Tensor DataOrder::batch(std::int64_t step) {
  const auto epoch = step / steps_per_epoch_;
  if (epoch != epoch_) {
    auto generator =
        make_generator(seed_, purpose_ + "/epoch" + std::to_string(epoch));
    permutation_ = at::randperm(num_items_, generator, at::kLong).to(device_);
    epoch_ = epoch;
  }
  return permutation_.narrow(0, (step % steps_per_epoch_) * batch_size_,
                             batch_size_);
}

}  // namespace shalab
