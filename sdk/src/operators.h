#pragma once
// Operators of the library `shalab`, which a device may compute by a kernel of
// its own.
//
// Each is defined beside its formula, as a composite of ATen's operators that
// serves every device; libshalab_cuda registers kernels for CUDA. They have no
// derivative: callers stand below autograd and bring their own.

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <utility>

namespace shalab {

// Keep it in a static: the look-up is by name.
template <typename Signature>
c10::TypedOperatorHandle<Signature> find_operator(const char* name) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(name, "")
      .typed<Signature>();
}

// Calls without recording a derivative.
template <typename Signature, typename... Arguments>
decltype(auto) call_below_autograd(
    const c10::TypedOperatorHandle<Signature>& handle,
    Arguments&&... arguments) {
  const at::AutoDispatchBelowADInplaceOrView below;
  return handle.call(std::forward<Arguments>(arguments)...);
}

}  // namespace shalab
