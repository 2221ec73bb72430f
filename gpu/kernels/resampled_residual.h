#pragma once
// Launchers of the residual sum between two sizes of pictures; see
// arithmetic/resampled_residual.h.

#include <cuda_runtime_api.h>

#include "arithmetic/resampled_residual.h"
#include "kernels/leaky_residual.h"

namespace shalab::gpu {

enum class Resampling { average_pool, upsample };

// All addresses are multiples of kPackBytes, and the channels of a place fill
// it or a multiple. `type` of all elements; x [batch, height, width, channels],
// dx of x's size or, upsampled, of twice its rows and columns; `sum` may be
// null; none is empty.
cudaError_t launch_resampled_residual(Resampling resampling, ElementType type,
                                      const ResampleTerms& terms, const void* x,
                                      const void* dx, void* sum,
                                      void* activated, cudaStream_t stream);

cudaError_t launch_resampled_residual_backward(
    Resampling resampling, ElementType type, const ResampleTerms& terms,
    const ResidualGradients& gradients, cudaStream_t stream);

}  // namespace shalab::gpu
