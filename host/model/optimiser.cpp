#include "model/optimiser.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/utils/grad_layout_contract.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "shalab/error.h"

namespace shalab {

namespace {

// Convolutional weights in channels-last memory come here as one row: LibTorch
// copies a gradient that is not contiguous first, and takes the order of a
// parameter and its gradient in memory for the same.
bool is_row(const at::Tensor& parameter) {
  return !parameter.is_contiguous() && parameter.is_non_overlapping_and_dense();
}

// The memory of `x`, laid out as `parameter`, as the update reads it.
at::Tensor in_memory_order(const at::Tensor& x, const at::Tensor& parameter) {
  return is_row(parameter) ? x.as_strided({x.numel()}, {1}) : x;
}

at::Tensor laid_out_as(const at::Tensor& parameter,
                       const at::Tensor& gradient) {
  using namespace torch::autograd::utils;
  if (!gradient.defined()) return at::zeros_like(parameter);
  return obeys_layout_contract(gradient, parameter)
             ? gradient
             : clone_obey_contract(gradient, parameter);
}

}  // namespace

Optimiser::Optimiser(std::vector<at::Tensor> parameters,
                     OptimiserOptions options)
    : options_(std::move(options)) {
  for (auto& parameter : parameters) {
    if (!parameter.requires_grad()) {
      continue;
    }
    parameters_.push_back(parameter);
    means_.push_back(at::zeros_like(parameter));
    squares_.push_back(at::zeros_like(parameter));
    if (options_.kind == "amsgrad") {
      max_squares_.push_back(at::zeros_like(parameter));
    }
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor weight = parameters_[i].detach();
    updated_.weights.push_back(in_memory_order(weight, weight));
    updated_.means.push_back(in_memory_order(means_[i], weight));
    updated_.squares.push_back(in_memory_order(squares_[i], weight));
    if (max_squares_.empty()) continue;
    updated_.max_squares.push_back(in_memory_order(max_squares_[i], weight));
  }
  if (parameters_.empty()) return;
  steps_.assign(parameters_.size(),
                at::zeros({}, parameters_.front().options().dtype(at::kFloat)));
}

void Optimiser::zero_grad() {
  for (auto& parameter : parameters_) {
    parameter.mutable_grad().reset();
  }
}

std::vector<at::Tensor> Optimiser::gradients() const {
  std::vector<at::Tensor> result;
  result.reserve(parameters_.size());
  for (const auto& parameter : parameters_) {
    result.push_back(
        in_memory_order(laid_out_as(parameter, parameter.grad()), parameter));
  }
  return result;
}

void Optimiser::clip(std::vector<at::Tensor>& gradients) const {
  const auto norms = at::_foreach_norm(gradients);
  const auto norm = at::linalg_vector_norm(at::stack(norms));
  const auto factor = (options_.clip_norm / (norm + 1e-6)).clamp_max(1.0);
  at::_foreach_mul_(gradients, factor);
}

void Optimiser::step(double factor) { update(options_.learning_rate * factor); }

void Optimiser::step(const at::Tensor& factor) {
  const at::NoGradGuard no_grad;
  update(factor * options_.learning_rate);
}

template <typename Rate>
void Optimiser::update(const Rate& rate) {
  if (parameters_.empty()) {
    return;
  }
  const at::NoGradGuard no_grad;
  auto gradients = this->gradients();
  if (options_.clip_norm > 0) {
    clip(gradients);
  }
  steps_.front().add_(1);
  const bool amsgrad = options_.kind == "amsgrad";
  if (options_.kind == "adamw") {
    at::_fused_adamw_(updated_.weights, gradients, updated_.means,
                      updated_.squares, updated_.max_squares, steps_, rate,
                      options_.beta1, options_.beta2, options_.weight_decay,
                      options_.epsilon, amsgrad, false);
  } else {
    at::_fused_adam_(updated_.weights, gradients, updated_.means,
                     updated_.squares, updated_.max_squares, steps_, rate,
                     options_.beta1, options_.beta2, options_.weight_decay,
                     options_.epsilon, amsgrad, false);
  }
}

std::map<std::string, at::Tensor> Optimiser::state() const {
  std::map<std::string, at::Tensor> result;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto index = std::to_string(i);
    result["mean." + index] = means_[i];
    result["square." + index] = squares_[i];
    result["step." + index] = steps_[i];
    if (!max_squares_.empty()) {
      result["max_square." + index] = max_squares_[i];
    }
  }
  return result;
}

void Optimiser::load(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : this->state()) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != tensor.sizes()) {
      throw Error(ErrorKind::resume,
                  "optimiser state '" + name +
                      "' is missing or has another "
                      "shape",
                  "the checkpoint belongs to another model");
    }
    tensor.copy_(found->second);
  }
}

std::int64_t Optimiser::num_parameters() const {
  std::int64_t count = 0;
  for (const auto& parameter : parameters_) {
    count += parameter.numel();
  }
  return count;
}

double schedule_factor(const std::string& schedule, std::int64_t step,
                       std::int64_t num_steps, std::int64_t warmup_steps) {
  const double share =
      static_cast<double>(step) /
      static_cast<double>(std::max<std::int64_t>(1, num_steps));
  double factor = 1.0;
  if (schedule == "cosine") {
    factor = 0.5 * (1 + std::cos(std::numbers::pi * share)) * 0.98 + 0.02;
  } else if (schedule == "linear") {
    factor = 1.0 - share;
  }
  if (warmup_steps > 0) {
    factor *= std::min(
        1.0, static_cast<double>(step + 1) / static_cast<double>(warmup_steps));
  }
  return factor;
}

}  // namespace shalab
