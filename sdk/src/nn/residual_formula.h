#pragma once
// What the operators shalab::leaky_residual and
// shalab::leaky_residual_backward compute, by ATen.

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

namespace shalab::formula {

// y = x + weight dx, resampled as a number of nn::Resample says, undefined
// unless with_sum, and leaky_relu(y, slope).
std::tuple<at::Tensor, at::Tensor> leaky_residual(const at::Tensor& x,
                                                  const at::Tensor& dx,
                                                  double weight, double slope,
                                                  std::int64_t resample,
                                                  bool with_sum);

// Gradients to x of `sizes` and to dx, from `activated` and the gradients to
// both results.
std::tuple<at::Tensor, at::Tensor> leaky_residual_backward(
    const at::Tensor& activated, const std::optional<at::Tensor>& to_sum,
    const at::Tensor& to_activated, double weight, double slope,
    std::int64_t resample, at::IntArrayRef sizes);

}  // namespace shalab::formula
