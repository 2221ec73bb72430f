#pragma once
// Launchers of the residual sum with its leaky ReLU; see
// arithmetic/leaky_residual.h.

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/element_type.h"

namespace shalab::gpu {

// `count` > 0 elements of one type at each address, in one order of memory.
struct ResidualTerms {
  ElementType type;
  std::int64_t count;
  float weight;
  float slope;
};

// sum = x + weight dx unless `sum` is null, activated = its leaky ReLU.
cudaError_t launch_leaky_residual(const ResidualTerms& terms, const void* x,
                                  const void* dx, void* sum, void* activated,
                                  cudaStream_t stream);

struct ResidualGradients {
  const void* activated;     // as launch_leaky_residual wrote it
  const void* to_sum;        // null: zero
  const void* to_activated;  // not null
  void* x;
  void* dx;
};

cudaError_t launch_leaky_residual_backward(const ResidualTerms& terms,
                                           const ResidualGradients& gradients,
                                           cudaStream_t stream);

}  // namespace shalab::gpu
