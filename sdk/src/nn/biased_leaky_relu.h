#pragma once
// The end of a convolution with a bias and a leaky ReLU.

#include <ATen/core/Tensor.h>

#include <tuple>

namespace shalab::formula {

// What the operators shalab::biased_leaky_relu and
// shalab::biased_leaky_relu_backward compute, by ATen.
at::Tensor biased_leaky_relu(const at::Tensor& x, const at::Tensor& bias,
                             double slope);

// Gradients to x and to the bias, from that to `activated`. Where that is 0,
// the derivative is `slope`.
std::tuple<at::Tensor, at::Tensor> biased_leaky_relu_backward(
    const at::Tensor& activated, const at::Tensor& gradient, double slope);

}  // namespace shalab::formula

namespace shalab::nn {

// leaky_relu(x + bias, slope), slope >= 0; a ReLU where the slope is 0.
// x [B, C, ...] and bias [C] of one floating type. On a CPU the values are
// ATen's bit by bit; on a GPU one pass adds and activates (in bf16 rounded
// once, not twice), and one pass gives both gradients, channels last.
// Gradient: to x and to bias, differentiable again. Throws a failed check for
// a negative slope and another bias.
at::Tensor biased_leaky_relu(const at::Tensor& x, const at::Tensor& bias,
                             double slope);

// leaky_relu(x, slope), a ReLU where the slope is 0, in the memory of x: x is a
// result that nothing else reads. Of a view it is a new tensor.
at::Tensor leaky_relu_in_place(at::Tensor x, double slope);

}  // namespace shalab::nn
