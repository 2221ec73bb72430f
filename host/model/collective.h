#pragma once
// What the ranks of a data-parallel run do together.

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>

#include "model/nccl.h"
#include "parallel/message_passing.h"

namespace shalab {

// Every rank makes the same calls in the same order. Rank 0 leads: it alone
// writes and measures. [main]
class Collective {
 public:
  // In a process that launch() started. Throws Error(device) without MPI.
  Collective() : messages_(open_message_passing()) {}

  int rank() const { return messages_->rank(); }
  int size() const { return messages_->size(); }
  bool is_lead() const { return rank() == 0; }

  // Before the first sum on a GPU: this rank's device. Throws Error(device)
  // where NCCL is missing.
  void use(c10::Device device);

  // Sum over the ranks in place, the same bits at each: float32, contiguous,
  // on the CPU (MPI) or on the device of `use` (NCCL, no wait of the host).
  void sum(at::Tensor& values);
  // Every tensor takes rank 0's values; same names, shapes and types at all.
  void share(const std::map<std::string, at::Tensor>& tensors);
  // The text of `root`.
  std::string text_of(int root, std::string text);
  // Whether any rank says so.
  bool any(bool own);

  // Waits for all and ends it: a rank may work on alone, or leave.
  void close();

 private:
  std::unique_ptr<MessagePassing> messages_;
  std::unique_ptr<Nccl> nccl_;
};

}  // namespace shalab
