#pragma once
// What the operators shalab::leaky_residual and
// shalab::leaky_residual_backward compute, by ATen and without a derivative.

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

namespace shalab::formula {

// y = x + weight dx, undefined unless with_sum, and leaky_relu(y, slope).
std::tuple<at::Tensor, at::Tensor> leaky_residual(const at::Tensor& x,
                                                  const at::Tensor& dx,
                                                  double weight, double slope,
                                                  bool with_sum);

// Gradients to x and dx from `activated` and the gradients to both results.
std::tuple<at::Tensor, at::Tensor> leaky_residual_backward(
    const at::Tensor& activated, const std::optional<at::Tensor>& to_sum,
    const at::Tensor& to_activated, double weight, double slope);

}  // namespace shalab::formula
