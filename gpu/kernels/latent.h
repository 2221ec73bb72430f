#pragma once
// Launchers of draws and densities of latents; see arithmetic/latent.h.

#include <cuda_runtime_api.h>

#include "arithmetic/latent.h"

namespace shalab::gpu {

// density [draws, components, batch].
cudaError_t launch_latent_log_density(LatentFamily family,
                                      const LatentTerms& terms, float* density,
                                      cudaStream_t stream);

// Null where a gradient is not wanted; location and spread are or are not both.
struct LatentGradients {
  float* z;
  float* location;
  float* spread;
};

// From `gradient` [draws, components, batch].
cudaError_t launch_latent_log_density_backward(LatentFamily family,
                                               const LatentTerms& terms,
                                               const float* gradient,
                                               const LatentGradients& to,
                                               cudaStream_t stream);

// drawn [draws, count].
cudaError_t launch_latent_draw(LatentFamily family, const LatentNoise& from,
                               const float* location, float* drawn,
                               cudaStream_t stream);

// From `gradient` [draws, count]; to.z is not read.
cudaError_t launch_latent_draw_backward(LatentFamily family,
                                        const LatentNoise& from,
                                        const float* gradient,
                                        const LatentGradients& to,
                                        cudaStream_t stream);

}  // namespace shalab::gpu
