// Leaky residuals on CUDA. What a kernel does not serve (other number formats,
// terms in different orders, pictures that are resampled with their channels
// not last, nothing to do) goes to the operator's formula.

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "element_types.h"
#include "kernels/leaky_residual.h"
#include "kernels/resampled_residual.h"
#include "nn/residual_formula.h"
#include "shalab/nn/residual.h"
#include "tensor_places.h"

namespace shalab {

namespace {

using nn::Resample;
using Pair = std::tuple<at::Tensor, at::Tensor>;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

gpu::ResidualTerms residual_terms(const at::Tensor& x, double weight,
                                  double slope) {
  return {element_type(x), x.numel(), static_cast<float>(weight),
          static_cast<float>(slope)};
}

// `to_sum` may be undefined.
gpu::ResidualGradients addresses(const at::Tensor& activated,
                                 const at::Tensor& to_sum,
                                 const at::Tensor& to_activated,
                                 const at::Tensor& to_x,
                                 const at::Tensor& to_dx) {
  return {activated.const_data_ptr(),
          to_sum.defined() ? to_sum.const_data_ptr() : nullptr,
          to_activated.const_data_ptr(), to_x.mutable_data_ptr(),
          to_dx.mutable_data_ptr()};
}

Pair plain(const at::Tensor& x, const at::Tensor& dx, double weight,
           double slope, bool with_sum) {
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor sum = with_sum ? at::empty_like(x) : at::Tensor();
  const at::Tensor activated = at::empty_like(x);
  C10_CUDA_CHECK(gpu::launch_leaky_residual(
      residual_terms(x, weight, slope), x.const_data_ptr(), dx.const_data_ptr(),
      with_sum ? sum.mutable_data_ptr() : nullptr, activated.mutable_data_ptr(),
      c10::cuda::getCurrentCUDAStream()));
  return {sum, activated};
}

Pair plain_backward(const at::Tensor& activated, const at::Tensor& to_sum,
                    const at::Tensor& to_activated, double weight,
                    double slope) {
  const c10::cuda::CUDAGuard guard(activated.device());
  const at::Tensor to_x = at::empty_like(activated);
  const at::Tensor to_dx = at::empty_like(activated);
  C10_CUDA_CHECK(gpu::launch_leaky_residual_backward(
      residual_terms(activated, weight, slope),
      addresses(activated, to_sum, to_activated, to_x, to_dx),
      c10::cuda::getCurrentCUDAStream()));
  return {to_x, to_dx};
}

// Channels last, and enough of them for whole reads.
bool has_packed_channels(const at::Tensor& x) {
  return x.is_contiguous(kChannelsLast) && is_in_packs(x, x.size(1));
}

gpu::ResampleTerms resample_terms(at::IntArrayRef sizes, double weight,
                                  double slope) {
  return {sizes[0],
          sizes[1],
          {sizes[2], sizes[3]},
          static_cast<float>(weight),
          static_cast<float>(slope)};
}

gpu::Resampling resampling_of(Resample resample) {
  return resample == Resample::average_pool ? gpu::Resampling::average_pool
                                            : gpu::Resampling::upsample;
}

std::vector<std::int64_t> result_sizes(const at::Tensor& dx,
                                       Resample resample) {
  std::vector<std::int64_t> sizes = dx.sizes().vec();
  if (resample == Resample::average_pool) {
    sizes[2] = gpu::pooled_side(sizes[2]);
    sizes[3] = gpu::pooled_side(sizes[3]);
  }
  return sizes;
}

at::Tensor empty_pictures(at::IntArrayRef sizes, const at::Tensor& like) {
  return at::empty(sizes, like.options(), kChannelsLast);
}

Pair resampled(const at::Tensor& x, const at::Tensor& dx, double weight,
               double slope, Resample resample, bool with_sum) {
  const c10::cuda::CUDAGuard guard(x.device());
  const auto sizes = result_sizes(dx, resample);
  const at::Tensor sum = with_sum ? empty_pictures(sizes, x) : at::Tensor();
  const at::Tensor activated = empty_pictures(sizes, x);
  C10_CUDA_CHECK(gpu::launch_resampled_residual(
      resampling_of(resample), element_type(x),
      resample_terms(x.sizes(), weight, slope), x.const_data_ptr(),
      dx.const_data_ptr(), with_sum ? sum.mutable_data_ptr() : nullptr,
      activated.mutable_data_ptr(), c10::cuda::getCurrentCUDAStream()));
  return {sum, activated};
}

Pair resampled_backward(const at::Tensor& activated, const at::Tensor& to_sum,
                        const at::Tensor& to_activated, double weight,
                        double slope, Resample resample,
                        at::IntArrayRef sizes) {
  const c10::cuda::CUDAGuard guard(activated.device());
  const at::Tensor to_x = empty_pictures(sizes, activated);
  const at::Tensor to_dx = empty_pictures(
      resample == Resample::upsample ? activated.sizes() : sizes, activated);
  C10_CUDA_CHECK(gpu::launch_resampled_residual_backward(
      resampling_of(resample), element_type(activated),
      resample_terms(sizes, weight, slope),
      addresses(activated, to_sum, to_activated, to_x, to_dx),
      c10::cuda::getCurrentCUDAStream()));
  return {to_x, to_dx};
}

// x and dx differ in rows and columns alone (a check of the caller's).
bool fits_resampling(const at::Tensor& x, const at::Tensor& dx) {
  return are_together(x, dx) && x.scalar_type() == dx.scalar_type() &&
         dx.numel() > 0 && x.size(0) == dx.size(0) && x.size(1) == dx.size(1) &&
         has_packed_channels(x) && has_packed_channels(dx);
}

Pair leaky_residual_cuda(const at::Tensor& x, const at::Tensor& dx,
                         double weight, double slope, std::int64_t resample,
                         bool with_sum) {
  const auto kind = static_cast<Resample>(resample);
  if (has_elements(x)) {
    if (kind == Resample::none && are_parallel(x, dx)) {
      return plain(x, dx, weight, slope, with_sum);
    }
    if (kind != Resample::none && fits_resampling(x, dx)) {
      return resampled(x, dx, weight, slope, kind, with_sum);
    }
  }
  return formula::leaky_residual(x, dx, weight, slope, resample, with_sum);
}

Pair leaky_residual_backward_cuda(const at::Tensor& activated,
                                  const std::optional<at::Tensor>& to_sum,
                                  const at::Tensor& to_activated, double weight,
                                  double slope, std::int64_t resample,
                                  at::IntArrayRef sizes) {
  const auto kind = static_cast<Resample>(resample);
  const at::Tensor carried = to_sum.value_or(at::Tensor());
  const bool fits = has_elements(activated) &&
                    are_parallel(activated, to_activated) &&
                    (!carried.defined() || are_parallel(activated, carried));
  if (fits && kind == Resample::none) {
    return plain_backward(activated, carried, to_activated, weight, slope);
  }
  if (fits && has_packed_channels(activated) &&
      has_packed_channels(to_activated) &&
      (!carried.defined() || has_packed_channels(carried))) {
    return resampled_backward(activated, carried, to_activated, weight, slope,
                              kind, sizes);
  }
  return formula::leaky_residual_backward(activated, to_sum, to_activated,
                                          weight, slope, resample, sizes);
}

TORCH_LIBRARY_IMPL(shalab, CUDA, library) {
  library.impl("leaky_residual", TORCH_FN(leaky_residual_cuda));
  library.impl("leaky_residual_backward",
               TORCH_FN(leaky_residual_backward_cuda));
}

}  // namespace

}  // namespace shalab
