#include "op_inputs.h"

#include <memory>

#include "shalab/error.h"

namespace shalab {

namespace {

thread_local OpInputs::Visit current = nullptr;

void visit(const c10::IValue& value) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) current(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorList()) {
      if (tensor.defined()) current(tensor);
    }
  } else if (value.isList()) {
    for (const c10::IValue& item : value.toListRef()) visit(item);
  }
}

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  for (const c10::IValue& value : function.inputs()) visit(value);
  return nullptr;
}

}  // namespace

OpInputs::OpInputs(Visit visit) {
  SHALAB_CHECK(current == nullptr, "two visitors of operators' inputs");
  current = visit;
  handle_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(enter).needsInputs(true).scopes(
          {at::RecordScope::FUNCTION}));
}

OpInputs::~OpInputs() {
  at::removeCallback(handle_);
  current = nullptr;
}

}  // namespace shalab
