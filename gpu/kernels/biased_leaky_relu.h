#pragma once
// Launchers of the leaky ReLU of a biased tensor; see
// arithmetic/biased_leaky_relu.h.

#include <cuda_runtime_api.h>

#include "arithmetic/channel_grid.h"
#include "kernels/element_type.h"

namespace shalab::gpu {

// Tensors of one type [rows, channels], none empty. grid.size is 1 or, where
// all addresses are multiples of kPackBytes, the elements in that many.
struct BiasedTerms {
  ElementType type;
  ChannelGrid grid;
  float slope;
};

// activated = leaky_relu(x + bias), bias [channels].
cudaError_t launch_biased_leaky_relu(const BiasedTerms& terms, const void* x,
                                     const void* bias, void* activated,
                                     cudaStream_t stream);

struct BiasedGradients {
  const void* activated;  // as launch_biased_leaky_relu wrote it
  const void* gradient;   // to activated
  void* x;
  void* bias;      // [channels]
  float* partial;  // [grid.pieces, channels], to work in
};

cudaError_t launch_biased_leaky_relu_backward(const BiasedTerms& terms,
                                              const BiasedGradients& gradients,
                                              cudaStream_t stream);

}  // namespace shalab::gpu
