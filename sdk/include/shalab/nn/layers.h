#pragma once
// torch's layers with forms of their own on a CPU.
//
// Options, parameters, names, first weights and derivatives are those of
// torch::nn; values are equal up to rounding. On a CPU each direction takes
// the fastest of equal forms, by shape and number format alone, so that equal
// runs compute equal bits. On other devices, for groups and dilation, and under
// second derivatives torch's own form is taken. Under bf16 autocast weights are
// cast as shadow.h says, not at every call.
//
// forward_activated(x, slope) is leaky_relu(forward(x), slope), a ReLU where
// the slope, which is not negative, is 0: on a CPU bit by bit and in the
// convolution's own memory; on a GPU one pass adds the bias and activates, and
// one pass gives both their gradients (in bf16 the value is rounded once).
// Throws a failed check for a negative slope.

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include "shalab/nn/shadow.h"

namespace shalab::nn {

// x [..., in] -> [..., out]. In fp32 oneDNN multiplies in place of the BLAS
// that LibTorch was built with.
class LinearImpl : public torch::nn::LinearImpl {
 public:
  using torch::nn::LinearImpl::LinearImpl;
  at::Tensor forward(const at::Tensor& x);

 private:
  Shadow weight_shadow_, bias_shadow_;
};
TORCH_MODULE(Linear);

// x [B, in, H, W] -> [B, out, H', W']. In bf16 the gradient of the weights is
// one product of columns where the columns repeat each place at most four
// times; oneDNN's form is no faster than in fp32.
class Conv2dImpl : public torch::nn::Conv2dImpl {
 public:
  using torch::nn::Conv2dImpl::Conv2dImpl;
  at::Tensor forward(const at::Tensor& x);

  // forward of x upsampled (nearest neighbour, twice the rows and columns).
  // With 3 x 3 places, stride 1 and one zero around it is a transposed
  // convolution of x with 4 x 4 places that are sums of the layer's, which
  // needs 4 multiplications for 9 and never forms the upsampled picture.
  at::Tensor forward_upsampled(const at::Tensor& x);

  // forward and forward_upsampled with the activation behind them.
  at::Tensor forward_activated(const at::Tensor& x, double slope = 0.0);
  at::Tensor forward_upsampled_activated(const at::Tensor& x,
                                         double slope = 0.0);

 private:
  at::Tensor convolve(const at::Tensor& x, const at::Tensor& bias);
  at::Tensor convolve_upsampled(const at::Tensor& x, const at::Tensor& bias);

  Shadow weight_shadow_, bias_shadow_;
};
TORCH_MODULE(Conv2d);

// x [B, in, H, W] -> [B, out, H', W']. Forward to 64 channels or more is
// oneDNN's gradient of a convolution; forward to at most four channels with a
// stride is a convolution to stride^2 times the channels that are then put
// side by side (Shi et al., 2016, sub-pixel convolution). The gradient of the
// weights is Conv2d's.
class ConvTranspose2dImpl : public torch::nn::ConvTranspose2dImpl {
 public:
  using torch::nn::ConvTranspose2dImpl::ConvTranspose2dImpl;
  at::Tensor forward(const at::Tensor& x);
  at::Tensor forward_activated(const at::Tensor& x, double slope = 0.0);

 private:
  at::Tensor convolve(const at::Tensor& x, const at::Tensor& bias);

  Shadow weight_shadow_, bias_shadow_;
};
TORCH_MODULE(ConvTranspose2d);

}  // namespace shalab::nn
