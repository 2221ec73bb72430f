#include "bench/op_profile.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <vector>

#include "bench/op_flop.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Clock = std::chrono::steady_clock;

struct Call : at::ObserverContext {
  Clock::time_point entered;  // its bookkeeping begins
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
  double own_seconds = 0.0;
  std::int64_t outermost_calls = 0;
  double observing_seconds = 0.0;  // of one call
  bool is_open = false;
};

Book& book() {
  static Book& instance = *new Book();
  return instance;
}

thread_local Call* current = nullptr;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

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
  const auto entered = Clock::now();
  auto call = std::make_unique<Call>();
  call->entered = entered;
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

// Adds what a call cost, and has its caller's time leave out the bookkeeping.
void note(const at::RecordFunction& function, const Call& call,
          double seconds) {
  const bool is_product = call.flop > 0;
  const bool works = is_product || touches_memory(function);
  const std::lock_guard lock(book().mutex);
  auto& cost = book().costs[function.name()];
  cost.seconds += is_product ? seconds : seconds - call.children;
  cost.flop += call.flop;
  if (is_product || (call.is_leaf && works)) {
    ++cost.calls;
    cost.bytes += call.bytes + bytes_of(function.outputs());
  }
  const double whole = seconds_since(call.entered);
  book().own_seconds += whole - seconds;
  if (call.parent == nullptr) {
    ++book().outermost_calls;
    return;
  }
  call.parent->children += whole;
  call.parent->is_leaf = call.parent->is_leaf && call.is_leaf && !works;
}

void leave(const at::RecordFunction& function, at::ObserverContext* context) {
  auto* call = static_cast<Call*>(context);
  if (call == nullptr) return;  // entered before the profile began
  const double seconds = seconds_since(call->start);
  current = call->parent;
  if (!call->is_inside_product) note(function, *call, seconds);
}

at::CallbackHandle observe() {
  return at::addThreadLocalCallback(at::RecordFunctionCallback(enter, leave)
                                        .needsInputs(true)
                                        .needsOutputs(true)
                                        .scopes({at::RecordScope::FUNCTION}));
}

void empty_book() {
  book().costs.clear();
  book().own_seconds = 0.0;
  book().outermost_calls = 0;
}

// A call of a small operator, without the bookkeeping.
double seconds_of_a_call(const at::Tensor& x) {
  constexpr int kCalls = 300;
  empty_book();
  const auto start = Clock::now();
  for (int i = 0; i < kCalls; ++i) x.add_(x);
  return (seconds_since(start) - book().own_seconds) / kCalls;
}

// What LibTorch adds to a call that is observed: it packs what goes in and out.
double observing_seconds() {
  const at::Tensor x = at::zeros({1});
  double plain = std::numeric_limits<double>::max();
  double observed = plain;
  for (int round = 0; round < 9; ++round) {
    plain = std::min(plain, seconds_of_a_call(x));
    const auto handle = observe();
    observed = std::min(observed, seconds_of_a_call(x));
    at::removeCallback(handle);
  }
  return std::max(0.0, observed - plain);
}

}  // namespace

OpProfile::OpProfile() {
  SHALAB_CHECK(!book().is_open, "two operator profiles at once");
  book().is_open = true;
  book().observing_seconds = observing_seconds();
  empty_book();
  handle_ = observe();
}

OpProfile::~OpProfile() {
  at::removeCallback(handle_);
  book().is_open = false;
}

std::map<std::string, OpCost> OpProfile::costs() const {
  const std::lock_guard lock(book().mutex);
  return book().costs;
}

double OpProfile::own_seconds() const {
  const std::lock_guard lock(book().mutex);
  return book().own_seconds +
         static_cast<double>(book().outermost_calls) * book().observing_seconds;
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
