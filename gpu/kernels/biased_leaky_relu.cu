#include <cuda_bf16.h>

#include "arithmetic/biased_leaky_relu.h"
#include "kernels/biased_leaky_relu.h"

namespace shalab::gpu {

namespace {

template <typename Element, int size>
__global__ void __launch_bounds__(kChannelThreads)
    forward(ChannelGrid grid, const Element* x, const Element* bias,
            float slope, Element* activated) {
  BiasedLeakyRelu<Element, size>::forward(
      grid, share_of(grid, blockIdx.x, threadIdx.x), x, bias, slope, activated);
}

// sums[size] of each thread, to the block's row of `to`.
template <int size, typename Result>
__device__ void write_sums(const ChannelGrid& grid, const float* sums,
                           Result* to) {
  __shared__ float values[size * kChannelThreads];
  const SumTable<size> table{values};
  const int thread = threadIdx.x;
  table.keep(thread, sums);
  __syncthreads();
  for (int offset = table.first_offset(grid); offset > 0; offset /= 2) {
    table.fold(grid, thread, offset);
    __syncthreads();
  }
  table.write(grid, blockIdx.x, thread, to);
}

template <typename Element, int size>
__global__ void __launch_bounds__(kChannelThreads)
    backward(ChannelGrid grid, const Element* activated,
             const Element* gradient, float slope, Element* x, float* partial) {
  float sums[size];
  BiasedLeakyRelu<Element, size>::backward(
      grid, share_of(grid, blockIdx.x, threadIdx.x), activated, gradient, slope,
      x, sums);
  write_sums<size>(grid, sums, partial);
}

template <typename Element>
__global__ void __launch_bounds__(kChannelThreads)
    add_pieces(ChannelGrid grid, const float* partial, Element* bias) {
  const float sum =
      sum_of_rows(grid, share_of(grid, blockIdx.x, threadIdx.x), partial);
  write_sums<1>(grid, &sum, bias);
}

unsigned num_blocks(const ChannelGrid& grid) {
  return static_cast<unsigned>(grid.blocks());
}

template <typename Element, int size>
cudaError_t launch_forward(const BiasedTerms& terms, const void* x,
                           const void* bias, void* activated,
                           cudaStream_t stream) {
  forward<Element, size>
      <<<num_blocks(terms.grid), kChannelThreads, 0, stream>>>(
          terms.grid, static_cast<const Element*>(x),
          static_cast<const Element*>(bias), terms.slope,
          static_cast<Element*>(activated));
  return cudaGetLastError();
}

template <typename Element, int size>
cudaError_t launch_backward(const BiasedTerms& terms,
                            const BiasedGradients& gradients,
                            cudaStream_t stream) {
  backward<Element, size>
      <<<num_blocks(terms.grid), kChannelThreads, 0, stream>>>(
          terms.grid, static_cast<const Element*>(gradients.activated),
          static_cast<const Element*>(gradients.gradient), terms.slope,
          static_cast<Element*>(gradients.x), gradients.partial);
  const ChannelGrid pieces = pieces_grid(terms.grid);
  add_pieces<Element><<<num_blocks(pieces), kChannelThreads, 0, stream>>>(
      pieces, gradients.partial, static_cast<Element*>(gradients.bias));
  return cudaGetLastError();
}

// launch<Element, size>() in the type and pack of the terms.
template <typename Launch>
cudaError_t in_form_of(const BiasedTerms& terms, const Launch& launch) {
  const bool is_packed = terms.grid.size > 1;
  if (terms.type == ElementType::float32) {
    return is_packed ? launch.template operator()<float, kPackBytes / 4>()
                     : launch.template operator()<float, 1>();
  }
  return is_packed ? launch.template operator()<__nv_bfloat16, kPackBytes / 2>()
                   : launch.template operator()<__nv_bfloat16, 1>();
}

}  // namespace

cudaError_t launch_biased_leaky_relu(const BiasedTerms& terms, const void* x,
                                     const void* bias, void* activated,
                                     cudaStream_t stream) {
  return in_form_of(terms, [&]<typename Element, int size>() {
    return launch_forward<Element, size>(terms, x, bias, activated, stream);
  });
}

cudaError_t launch_biased_leaky_relu_backward(const BiasedTerms& terms,
                                              const BiasedGradients& gradients,
                                              cudaStream_t stream) {
  return in_form_of(terms, [&]<typename Element, int size>() {
    return launch_backward<Element, size>(terms, gradients, stream);
  });
}

}  // namespace shalab::gpu
