#include <cuda_bf16.h>

#include "kernels/resampled_residual.h"
#include "kernels/vectors.cuh"

namespace shalab::gpu {

namespace {

constexpr int kThreads = 256;

template <typename Element>
using Form = Resampled<Element, kPackBytes / sizeof(Element)>;

__device__ std::int64_t item_of_thread() {
  return blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
}

template <typename Element, Resampling resampling>
__global__ void __launch_bounds__(kThreads)
    forward(ResampleTerms terms, std::int64_t items, const Element* x,
            const Element* dx, typename Form<Element>::Results to) {
  const std::int64_t item = item_of_thread();
  if (item >= items) return;
  if constexpr (resampling == Resampling::average_pool) {
    Form<Element>::average_pool(terms, item, x, dx, to);
  } else {
    Form<Element>::upsample(terms, item, x, dx, to);
  }
}

template <typename Element, Resampling resampling>
__global__ void __launch_bounds__(kThreads)
    backward(ResampleTerms terms, std::int64_t items,
             typename Form<Element>::Gradients all) {
  const std::int64_t item = item_of_thread();
  if (item >= items) return;
  if constexpr (resampling == Resampling::average_pool) {
    Form<Element>::average_pool_backward(terms, item, all);
  } else {
    Form<Element>::upsample_backward(terms, item, all);
  }
}

template <typename Element, Resampling resampling>
cudaError_t launch_forward(const ResampleTerms& terms, const void* x,
                           const void* dx, void* sum, void* activated,
                           cudaStream_t stream) {
  const std::int64_t items = Form<Element>::num_items(
      terms, resampling == Resampling::average_pool ? pooled_grid(terms.grid)
                                                    : terms.grid);
  forward<Element, resampling>
      <<<blocks_for(items, kThreads), kThreads, 0, stream>>>(
          terms, items, static_cast<const Element*>(x),
          static_cast<const Element*>(dx),
          {static_cast<Element*>(sum), static_cast<Element*>(activated)});
  return cudaGetLastError();
}

template <typename Element, Resampling resampling>
cudaError_t launch_backward(const ResampleTerms& terms,
                            const ResidualGradients& gradients,
                            cudaStream_t stream) {
  const std::int64_t items = Form<Element>::num_items(terms, terms.grid);
  backward<Element, resampling>
      <<<blocks_for(items, kThreads), kThreads, 0, stream>>>(
          terms, items,
          {static_cast<const Element*>(gradients.activated),
           static_cast<const Element*>(gradients.to_sum),
           static_cast<const Element*>(gradients.to_activated),
           static_cast<Element*>(gradients.x),
           static_cast<Element*>(gradients.dx)});
  return cudaGetLastError();
}

}  // namespace

cudaError_t launch_resampled_residual(Resampling resampling, ElementType type,
                                      const ResampleTerms& terms, const void* x,
                                      const void* dx, void* sum,
                                      void* activated, cudaStream_t stream) {
  const bool pools = resampling == Resampling::average_pool;
  const auto launch =
      type == ElementType::float32
          ? (pools ? launch_forward<float, Resampling::average_pool>
                   : launch_forward<float, Resampling::upsample>)
          : (pools ? launch_forward<__nv_bfloat16, Resampling::average_pool>
                   : launch_forward<__nv_bfloat16, Resampling::upsample>);
  return launch(terms, x, dx, sum, activated, stream);
}

cudaError_t launch_resampled_residual_backward(
    Resampling resampling, ElementType type, const ResampleTerms& terms,
    const ResidualGradients& gradients, cudaStream_t stream) {
  const bool pools = resampling == Resampling::average_pool;
  const auto launch =
      type == ElementType::float32
          ? (pools ? launch_backward<float, Resampling::average_pool>
                   : launch_backward<float, Resampling::upsample>)
          : (pools ? launch_backward<__nv_bfloat16, Resampling::average_pool>
                   : launch_backward<__nv_bfloat16, Resampling::upsample>);
  return launch(terms, gradients, stream);
}

}  // namespace shalab::gpu
