#include "bench/op_profile.h"

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

#include <chrono>
#include <mutex>
#include <vector>

#include "bench/op_flop.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Clock = std::chrono::steady_clock;

struct Call : at::ObserverContext {
  Clock::time_point start;
  Call* parent = nullptr;
  double children = 0.0;  // seconds
  double flop = 0.0;
  double bytes = 0.0;   // of the inputs, which are gone when the call ends
  bool is_leaf = true;  // calls nothing that touches memory
  bool is_inside_product = false;
};

struct Book {
  std::mutex mutex;
  std::map<std::string, OpCost> costs;
  bool is_open = false;
};

Book& book() {
  static Book& instance = *new Book();
  return instance;
}

thread_local Call* current = nullptr;

template <typename Values>
double bytes_of(const Values& values) {
  double bytes = 0.0;
  for (const auto& value : values) {
    if (value.isTensor() && value.toTensor().defined()) {
      bytes += static_cast<double>(value.toTensor().nbytes());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorList()) {
        bytes += static_cast<double>(tensor.nbytes());
      }
    }
  }
  return bytes;
}

// Its result is its input seen anew, or memory not yet written.
bool touches_memory(const at::RecordFunction& function) {
  const std::string name = function.name();
  const bool is_known =
      name.starts_with("aten::") || name.starts_with("shalab::");
  if (!is_known || name.starts_with("aten::empty")) return false;
  const auto schema = function.operator_schema();
  if (!schema || schema->returns().empty()) return true;
  const auto* alias = schema->returns()[0].alias_info();
  return alias == nullptr || alias->isWrite();
}

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  auto call = std::make_unique<Call>();
  call->parent = current;
  call->is_inside_product =
      current != nullptr && (current->is_inside_product || current->flop > 0);
  if (!call->is_inside_product) {
    call->flop = op_flop(function.name(), function.inputs());
    call->bytes = bytes_of(function.inputs());
  }
  current = call.get();
  call->start = Clock::now();
  return call;
}

void leave(const at::RecordFunction& function, at::ObserverContext* context) {
  auto* call = static_cast<Call*>(context);
  if (call == nullptr) return;  // entered before the profile began
  const double seconds =
      std::chrono::duration<double>(Clock::now() - call->start).count();
  current = call->parent;
  if (call->is_inside_product) return;
  const bool is_product = call->flop > 0;
  const bool works = is_product || touches_memory(function);
  if (current != nullptr) {
    current->children += seconds;
    current->is_leaf = current->is_leaf && call->is_leaf && !works;
  }
  const std::lock_guard lock(book().mutex);
  auto& cost = book().costs[function.name()];
  cost.seconds += is_product ? seconds : seconds - call->children;
  cost.flop += call->flop;
  if (!is_product && !(call->is_leaf && works)) return;
  ++cost.calls;
  cost.bytes += call->bytes + bytes_of(function.outputs());
}

}  // namespace

OpProfile::OpProfile() {
  SHALAB_CHECK(!book().is_open, "two operator profiles at once");
  book().is_open = true;
  book().costs.clear();
  handle_ =
      at::addThreadLocalCallback(at::RecordFunctionCallback(enter, leave)
                                     .needsInputs(true)
                                     .needsOutputs(true)
                                     .scopes({at::RecordScope::FUNCTION}));
}

OpProfile::~OpProfile() {
  at::removeCallback(handle_);
  book().is_open = false;
}

std::map<std::string, OpCost> OpProfile::costs() const {
  const std::lock_guard lock(book().mutex);
  return book().costs;
}

OpCost total(const std::map<std::string, OpCost>& costs) {
  OpCost sum;
  for (const auto& [name, cost] : costs) {
    sum.calls += cost.calls;
    sum.seconds += cost.seconds;
    sum.flop += cost.flop;
    sum.bytes += cost.bytes;
  }
  return sum;
}

}  // namespace shalab
