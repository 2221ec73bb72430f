#include "shalab/nn/shadow.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include <utility>

namespace shalab::nn {
namespace {

WeightCopies*& current() {
  thread_local WeightCopies* copies = nullptr;
  return copies;
}

bool is_cast(const at::Tensor& parameter) {
  return parameter.defined() && parameter.scalar_type() == at::kFloat &&
         !parameter.is_inference() &&
         at::autocast::is_autocast_enabled(parameter.device().type());
}

}  // namespace

at::Tensor WeightCopies::of(const at::Tensor& parameter) {
  if (!parameter.requires_grad() || !parameter.is_leaf()) return parameter;
  const auto [found, is_new] =
      index_.try_emplace(parameter.unsafeGetTensorImpl(), copies_.size());
  if (is_new) {
    const at::NoGradGuard no_grad;
    const auto type =
        at::autocast::get_autocast_dtype(parameter.device().type());
    parameters_.push_back(parameter);
    copies_.push_back(parameter.to(type).requires_grad_(true));
  }
  return copies_[found->second];
}

void WeightCopies::refresh() {
  if (copies_.empty()) return;
  const at::NoGradGuard no_grad;
  for (at::Tensor& copy : copies_) copy.mutable_grad().reset();
  at::_foreach_copy_(copies_, parameters_);
}

void WeightCopies::hand_back_gradients() {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients, targets;
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    at::Tensor gradient = copies_[i].grad();
    if (!gradient.defined()) continue;
    at::Tensor& own = parameters_[i].mutable_grad();
    if (own.defined()) {
      own.add_(gradient);
      continue;
    }
    own = at::empty_like(parameters_[i]);
    gradients.push_back(gradient);
    targets.push_back(own);
  }
  if (!targets.empty()) at::_foreach_copy_(targets, gradients);
}

WeightCopiesScope::WeightCopiesScope(WeightCopies* copies)
    : before_(std::exchange(current(), copies)) {}

WeightCopiesScope::~WeightCopiesScope() { current() = before_; }

at::Tensor Shadow::of(const at::Tensor& parameter) {
  if (!is_cast(parameter)) return parameter;
  if (!parameter.requires_grad()) return of_frozen(parameter);
  return current() == nullptr ? parameter : current()->of(parameter);
}

at::Tensor Shadow::of_frozen(const at::Tensor& parameter) {
  if (!parameter.is_cpu()) return parameter;
  const auto type = at::autocast::get_autocast_dtype(at::kCPU);
  const auto version = std::int64_t(parameter._version());
  const bool is_current = source_.defined() && version == version_ &&
                          parameter.data_ptr() == source_.data_ptr() &&
                          parameter.sizes() == source_.sizes() &&
                          copy_.scalar_type() == type;
  if (!is_current) {
    copy_ = parameter.to(type);
    source_ = parameter.detach();
    version_ = version;
  }
  return copy_;
}

}  // namespace shalab::nn
