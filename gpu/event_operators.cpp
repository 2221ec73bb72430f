// The densities of events and the gather of rows on CUDA. What a kernel does
// not serve (other number formats, strides that are no rows, nothing to do)
// goes to the operator's formula.

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "fused_likelihood.h"
#include "gather_rows.h"
#include "kernels/event_log_density.h"
#include "kernels/gather_rows.h"
#include "tensor_places.h"

namespace shalab {

namespace {

using Family = Likelihood::Family;

static_assert(static_cast<int>(Family::normal) ==
              static_cast<int>(gpu::EventFamily::normal));
static_assert(static_cast<int>(Family::laplace) ==
              static_cast<int>(gpu::EventFamily::laplace));
static_assert(static_cast<int>(Family::bernoulli) ==
              static_cast<int>(gpu::EventFamily::bernoulli));

std::int64_t event_size(const at::Tensor& x, std::int64_t event_dims) {
  return c10::multiply_integers(x.sizes().slice(x.dim() - event_dims));
}

// Is x a block of rows in order, whatever the order within a row?
bool is_rows(const at::Tensor& x, std::int64_t event_dims) {
  std::int64_t stride = event_size(x, event_dims);
  for (std::int64_t d = x.dim() - event_dims - 1; d >= 0; --d) {
    if (x.size(d) != 1 && x.stride(d) != stride) return false;
    stride *= x.size(d);
  }
  return x.is_non_overlapping_and_dense();
}

// fp32 rows of events in one order, those of x repeated as a whole.
bool fits_density(const at::Tensor& parameters, const at::Tensor& x,
                  std::int64_t event_dims) {
  if (!are_together(parameters, x) || parameters.scalar_type() != at::kFloat ||
      x.scalar_type() != at::kFloat || x.numel() == 0 || x.dim() < event_dims ||
      parameters.dim() < x.dim()) {
    return false;
  }
  const auto last = [event_dims](at::IntArrayRef all) {
    return all.slice(all.size() - static_cast<std::size_t>(event_dims));
  };
  const auto lead = static_cast<std::size_t>(parameters.dim() - x.dim());
  return parameters.numel() != 0 &&
         parameters.sizes().slice(lead).equals(x.sizes()) &&
         have_equal_strides(last(x.sizes()), last(x.strides()),
                            last(parameters.strides())) &&
         is_rows(parameters, event_dims) && is_rows(x, event_dims);
}

gpu::EventRows event_rows(const at::Tensor& parameters, const at::Tensor& x,
                          std::int64_t family, std::int64_t event_dims,
                          double factor, double shift) {
  const std::int64_t event = event_size(x, event_dims);
  return {static_cast<gpu::EventFamily>(family),
          parameters.numel() / event,
          x.numel() / event,
          event,
          {static_cast<float>(factor), static_cast<float>(shift)},
          parameters.const_data_ptr<float>(),
          x.const_data_ptr<float>()};
}

at::Tensor event_log_density_cuda(const at::Tensor& parameters,
                                  const at::Tensor& x, std::int64_t family,
                                  std::int64_t event_dims, double factor,
                                  double shift) {
  if (!fits_density(parameters, x, event_dims)) {
    return formula::event_log_density(parameters, x, family, event_dims, factor,
                                      shift);
  }
  const c10::cuda::CUDAGuard guard(parameters.device());
  const auto rows =
      event_rows(parameters, x, family, event_dims, factor, shift);
  const at::Tensor density =
      at::empty(parameters.sizes().slice(
                    0, static_cast<std::size_t>(parameters.dim() - event_dims)),
                parameters.options());
  const std::int64_t pieces = gpu::pieces_of(rows.rows, rows.event).count;
  at::Tensor partial;
  if (pieces > 1) {
    partial = at::empty({rows.rows, pieces}, parameters.options());
  }
  C10_CUDA_CHECK(gpu::launch_event_log_density(
      rows, pieces > 1 ? partial.mutable_data_ptr<float>() : nullptr,
      density.mutable_data_ptr<float>(), c10::cuda::getCurrentCUDAStream()));
  return density;
}

at::Tensor event_log_density_slope_cuda(const at::Tensor& parameters,
                                        const at::Tensor& x,
                                        const at::Tensor& gradient,
                                        std::int64_t family,
                                        std::int64_t event_dims,
                                        double factor) {
  if (!fits_density(parameters, x, event_dims) ||
      !are_together(parameters, gradient) ||
      gradient.scalar_type() != at::kFloat) {
    return formula::event_log_density_slope(parameters, x, gradient, family,
                                            event_dims, factor);
  }
  const c10::cuda::CUDAGuard guard(parameters.device());
  const at::Tensor by_row = gradient.contiguous();
  const at::Tensor slopes = at::empty_like(parameters);
  C10_CUDA_CHECK(gpu::launch_event_log_density_slope(
      event_rows(parameters, x, family, event_dims, factor, 0.0),
      by_row.const_data_ptr<float>(), slopes.mutable_data_ptr<float>(),
      c10::cuda::getCurrentCUDAStream()));
  return slopes;
}

bool fits_gather(const at::Tensor& rows, const at::Tensor& indices) {
  return are_together(rows, indices) && rows.scalar_type() == at::kByte &&
         indices.scalar_type() == at::kLong && indices.dim() == 1 &&
         indices.numel() > 0 && rows.numel() > 0 && rows.is_contiguous() &&
         indices.is_contiguous();
}

at::Tensor gather_rows_cuda(const at::Tensor& rows, const at::Tensor& indices) {
  if (!fits_gather(rows, indices)) return formula::gather_rows(rows, indices);
  const c10::cuda::CUDAGuard guard(rows.device());
  std::vector<std::int64_t> shape = rows.sizes().vec();
  shape[0] = indices.size(0);
  const at::Tensor gathered =
      at::empty(shape, rows.options().dtype(at::kFloat));
  const gpu::RowChoice choice{rows.const_data_ptr<std::uint8_t>(), rows.size(0),
                              rows.numel() / rows.size(0),
                              indices.const_data_ptr<std::int64_t>(),
                              indices.size(0)};
  C10_CUDA_CHECK(gpu::launch_gather_rows(choice,
                                         gathered.mutable_data_ptr<float>(),
                                         c10::cuda::getCurrentCUDAStream()));
  return gathered;
}

TORCH_LIBRARY_IMPL(shalab, CUDA, library) {
  library.impl("event_log_density", TORCH_FN(event_log_density_cuda));
  library.impl("event_log_density_slope",
               TORCH_FN(event_log_density_slope_cuda));
  library.impl("gather_rows", TORCH_FN(gather_rows_cuda));
}

}  // namespace

}  // namespace shalab
