#pragma once
// The tensors that operators are called with.

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

namespace shalab {

// While it lives, `visit` sees each defined tensor that an operator of this
// thread is called with, those within lists too, before the operator runs: in
// forward and backward passes, and operators called by operators. One at a time
// per thread. [main]
class OpInputs {
 public:
  using Visit = void (*)(const at::Tensor&);
  explicit OpInputs(Visit visit);
  ~OpInputs();
  OpInputs(const OpInputs&) = delete;
  OpInputs& operator=(const OpInputs&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace shalab
