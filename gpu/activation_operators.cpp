// Leaky ReLUs of biased tensors on CUDA. What a kernel does not serve (other
// number formats, channels that are not last in memory, nothing to do) goes to
// the operator's formula.

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "element_types.h"
#include "kernels/biased_leaky_relu.h"
#include "nn/biased_leaky_relu.h"
#include "tensor_places.h"

namespace shalab {

namespace {

using Pair = std::tuple<at::Tensor, at::Tensor>;

// The order in which x [B, C, H, W] or [N, C] is rows of channels.
at::MemoryFormat order_of_rows(const at::Tensor& x) {
  return x.dim() == 4 ? at::MemoryFormat::ChannelsLast
                      : at::MemoryFormat::Contiguous;
}

bool is_rows_of_channels(const at::Tensor& x) {
  return (x.dim() == 4 || x.dim() == 2) && has_elements(x) &&
         x.is_contiguous(order_of_rows(x));
}

bool is_of_channels(const at::Tensor& bias, const at::Tensor& x) {
  return are_together(x, bias) && bias.scalar_type() == x.scalar_type() &&
         bias.dim() == 1 && bias.size(0) == x.size(1) && bias.is_contiguous();
}

at::Tensor empty_rows_like(const at::Tensor& x) {
  return at::empty(x.sizes(), x.options(), order_of_rows(x));
}

// For rows of channels and what else is read with them.
gpu::BiasedTerms terms_of(const at::Tensor& x, const at::Tensor& other,
                          double slope) {
  const gpu::ElementType type = element_type(x);
  const std::int64_t channels = x.size(1);
  const bool is_packed =
      is_in_packs(x, channels) && is_in_packs(other, channels);
  const int size = is_packed ? gpu::kPackBytes / gpu::bytes_of(type) : 1;
  return {type, gpu::channel_grid(x.numel() / channels, channels, size),
          static_cast<float>(slope)};
}

at::Tensor biased_leaky_relu_cuda(const at::Tensor& x, const at::Tensor& bias,
                                  double slope) {
  if (!is_rows_of_channels(x) || !is_of_channels(bias, x)) {
    return formula::biased_leaky_relu(x, bias, slope);
  }
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor activated = empty_rows_like(x);
  C10_CUDA_CHECK(gpu::launch_biased_leaky_relu(
      terms_of(x, bias, slope), x.const_data_ptr(), bias.const_data_ptr(),
      activated.mutable_data_ptr(), c10::cuda::getCurrentCUDAStream()));
  return activated;
}

// A gradient in another order is put in that of `activated` first.
Pair biased_leaky_relu_backward_cuda(const at::Tensor& activated,
                                     const at::Tensor& gradient, double slope) {
  if (!is_rows_of_channels(activated) || !are_together(activated, gradient) ||
      gradient.scalar_type() != activated.scalar_type() ||
      !gradient.sizes().equals(activated.sizes())) {
    return formula::biased_leaky_relu_backward(activated, gradient, slope);
  }
  const c10::cuda::CUDAGuard guard(activated.device());
  const at::Tensor ordered = gradient.contiguous(order_of_rows(activated));
  const gpu::BiasedTerms terms = terms_of(activated, ordered, slope);
  const std::int64_t channels = activated.size(1);
  const at::Tensor to_x = empty_rows_like(activated);
  const at::Tensor to_bias = at::empty({channels}, activated.options());
  const at::Tensor partial = at::empty({terms.grid.pieces, channels},
                                       activated.options().dtype(at::kFloat));
  C10_CUDA_CHECK(gpu::launch_biased_leaky_relu_backward(
      terms,
      {activated.const_data_ptr(), ordered.const_data_ptr(),
       to_x.mutable_data_ptr(), to_bias.mutable_data_ptr(),
       partial.mutable_data_ptr<float>()},
      c10::cuda::getCurrentCUDAStream()));
  return {to_x, to_bias};
}

TORCH_LIBRARY_IMPL(shalab, CUDA, library) {
  library.impl("biased_leaky_relu", TORCH_FN(biased_leaky_relu_cuda));
  library.impl("biased_leaky_relu_backward",
               TORCH_FN(biased_leaky_relu_backward_cuda));
}

}  // namespace

}  // namespace shalab
