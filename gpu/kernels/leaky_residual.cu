#include <cuda_bf16.h>

#include "arithmetic/leaky_residual.h"
#include "kernels/leaky_residual.h"
#include "kernels/vectors.cuh"

namespace shalab::gpu {

namespace {

constexpr int kThreads = 256;

template <typename Element>
using PackOf = Pack<Element, kPackBytes / sizeof(Element)>;

template <typename Element>
constexpr int kPackSize = kPackBytes / sizeof(Element);

template <typename Element>
__device__ std::int64_t first_of_thread() {
  return (blockIdx.x * std::int64_t{kThreads} + threadIdx.x) *
         kPackSize<Element>;
}

template <typename Element>
unsigned blocks_of(const ResidualTerms& terms) {
  return blocks_for(terms.count, std::int64_t{kThreads} * kPackSize<Element>);
}

template <typename Element, bool is_aligned>
__device__ void sum_and_activate(const ResidualTerms& terms, std::int64_t i,
                                 const Element* x, const Element* dx,
                                 Element* sum, Element* activated) {
  using Values = PackOf<Element>;
  const Values xs = load<is_aligned, Values>(x, i, terms.count);
  const Values dxs = load<is_aligned, Values>(dx, i, terms.count);
  Values sums, above;
#pragma unroll
  for (int k = 0; k < kPackSize<Element>; ++k) {
    const LeakyPair<Element> pair =
        leaky_residual(xs.values[k], dxs.values[k], terms.weight, terms.slope);
    sums.values[k] = pair.sum;
    above.values[k] = pair.activated;
  }
  if (sum != nullptr) store<is_aligned>(sum, i, terms.count, sums);
  store<is_aligned>(activated, i, terms.count, above);
}

template <typename Element>
__global__ void __launch_bounds__(kThreads)
    forward(ResidualTerms terms, bool is_aligned, const Element* x,
            const Element* dx, Element* sum, Element* activated) {
  const std::int64_t i = first_of_thread<Element>();
  if (i >= terms.count) return;
  if (is_aligned && i + kPackSize<Element> <= terms.count) {
    sum_and_activate<Element, true>(terms, i, x, dx, sum, activated);
  } else {
    sum_and_activate<Element, false>(terms, i, x, dx, sum, activated);
  }
}

template <typename Element>
struct TypedGradients {
  const Element* activated;
  const Element* to_sum;
  const Element* to_activated;
  Element* x;
  Element* dx;
};

template <typename Element, bool is_aligned>
__device__ void carry_back(const ResidualTerms& terms, std::int64_t i,
                           const TypedGradients<Element>& all) {
  using Values = PackOf<Element>;
  const Values above = load<is_aligned, Values>(all.activated, i, terms.count);
  const Values to_above =
      load<is_aligned, Values>(all.to_activated, i, terms.count);
  Values to_sum;
#pragma unroll
  for (auto& value : to_sum.values) value = Element(0.0f);
  if (all.to_sum != nullptr) {
    to_sum = load<is_aligned, Values>(all.to_sum, i, terms.count);
  }
  Values xs, dxs;
#pragma unroll
  for (int k = 0; k < kPackSize<Element>; ++k) {
    const LeakyGradients<Element> both =
        leaky_residual_gradients(above.values[k], to_sum.values[k],
                                 to_above.values[k], terms.weight, terms.slope);
    xs.values[k] = both.x;
    dxs.values[k] = both.dx;
  }
  store<is_aligned>(all.x, i, terms.count, xs);
  store<is_aligned>(all.dx, i, terms.count, dxs);
}

template <typename Element>
__global__ void __launch_bounds__(kThreads)
    backward(ResidualTerms terms, bool is_aligned,
             TypedGradients<Element> all) {
  const std::int64_t i = first_of_thread<Element>();
  if (i >= terms.count) return;
  if (is_aligned && i + kPackSize<Element> <= terms.count) {
    carry_back<Element, true>(terms, i, all);
  } else {
    carry_back<Element, false>(terms, i, all);
  }
}

template <typename Element>
cudaError_t launch_forward(const ResidualTerms& terms, const void* x,
                           const void* dx, void* sum, void* activated,
                           cudaStream_t stream) {
  const bool is_aligned = are_aligned<PackOf<Element>>(x, dx, sum, activated);
  forward<Element><<<blocks_of<Element>(terms), kThreads, 0, stream>>>(
      terms, is_aligned, static_cast<const Element*>(x),
      static_cast<const Element*>(dx), static_cast<Element*>(sum),
      static_cast<Element*>(activated));
  return cudaGetLastError();
}

template <typename Element>
cudaError_t launch_backward(const ResidualTerms& terms,
                            const ResidualGradients& gradients,
                            cudaStream_t stream) {
  const TypedGradients<Element> all{
      static_cast<const Element*>(gradients.activated),
      static_cast<const Element*>(gradients.to_sum),
      static_cast<const Element*>(gradients.to_activated),
      static_cast<Element*>(gradients.x), static_cast<Element*>(gradients.dx)};
  const bool is_aligned = are_aligned<PackOf<Element>>(
      all.activated, all.to_sum, all.to_activated, all.x, all.dx);
  backward<Element><<<blocks_of<Element>(terms), kThreads, 0, stream>>>(
      terms, is_aligned, all);
  return cudaGetLastError();
}

}  // namespace

cudaError_t launch_leaky_residual(const ResidualTerms& terms, const void* x,
                                  const void* dx, void* sum, void* activated,
                                  cudaStream_t stream) {
  return terms.type == ElementType::float32
             ? launch_forward<float>(terms, x, dx, sum, activated, stream)
             : launch_forward<__nv_bfloat16>(terms, x, dx, sum, activated,
                                             stream);
}

cudaError_t launch_leaky_residual_backward(const ResidualTerms& terms,
                                           const ResidualGradients& gradients,
                                           cudaStream_t stream) {
  return terms.type == ElementType::float32
             ? launch_backward<float>(terms, gradients, stream)
             : launch_backward<__nv_bfloat16>(terms, gradients, stream);
}

}  // namespace shalab::gpu
