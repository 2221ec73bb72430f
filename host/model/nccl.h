#pragma once
// Sums over GPUs by NVIDIA's NCCL, opened when first asked for.

#include <ATen/core/Tensor.h>

#include <string>

namespace shalab {

// One communicator of all ranks, each on a GPU of its own. Throws Error(device)
// where libnccl.so.2 is missing or a call fails. [main]
class Nccl {
 public:
  // What rank 0 makes and all ranks construct with.
  static std::string make_id();

  // Returns when all ranks are here.
  Nccl(const std::string& id, int rank, int size, c10::Device device);
  ~Nccl();
  Nccl(const Nccl&) = delete;
  Nccl& operator=(const Nccl&) = delete;

  // In place, float32 contiguous, on the device's current stream; the host does
  // not wait.
  void sum(at::Tensor& values);

 private:
  c10::Device device_;
  void* communicator_ = nullptr;
};

}  // namespace shalab
