#include <type_traits>

#include "kernels/block_sum.cuh"
#include "kernels/latent.h"
#include "kernels/vectors.cuh"

namespace shalab::gpu {

namespace {

constexpr int kThreads = 256;

__device__ std::int64_t item_of_thread() {
  return blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
}

template <LatentFamily family>
__global__ void __launch_bounds__(kLatentThreads)
    density_of_block(LatentTerms terms, float* density) {
  const float sum = sum_of_block<kLatentThreads>(latent_thread_sum<family>(
      terms, blockIdx.x, static_cast<int>(threadIdx.x)));
  if (threadIdx.x != 0) return;
  density[blockIdx.x] = LatentDensity<family>::finished(sum);
}

template <LatentFamily family>
__global__ void __launch_bounds__(kThreads)
    gradient_to_z(LatentTerms terms, const float* gradient, float* z) {
  const std::int64_t item = item_of_thread();
  if (item >= terms.draws * terms.batch * terms.size) return;
  z[item] = latent_to_z<family>(terms, gradient, item);
}

template <LatentFamily family>
__global__ void __launch_bounds__(kThreads)
    gradient_to_components(LatentTerms terms, const float* gradient,
                           float* location, float* spread) {
  const std::int64_t item = item_of_thread();
  if (item >= terms.components * terms.batch * terms.size) return;
  const LatentPair pair = latent_to_component<family>(terms, gradient, item);
  location[item] = pair.location;
  spread[item] = pair.spread;
}

template <LatentFamily family>
__global__ void __launch_bounds__(kThreads)
    draw(LatentNoise from, const float* location, float* drawn) {
  const std::int64_t item = item_of_thread();
  if (item >= from.draws * from.count) return;
  drawn[item] = latent_draw<family>(from, location, item);
}

template <LatentFamily family>
__global__ void __launch_bounds__(kThreads)
    draw_backward(LatentNoise from, const float* gradient, float* location,
                  float* spread) {
  const std::int64_t place = item_of_thread();
  if (place >= from.count) return;
  const LatentPair pair = latent_draw_gradients<family>(from, gradient, place);
  location[place] = pair.location;
  spread[place] = pair.spread;
}

// Calls launch with the family as a constant.
template <typename Launch>
cudaError_t by_family(LatentFamily family, const Launch& launch) {
  using Normal = std::integral_constant<LatentFamily, LatentFamily::normal>;
  using Laplace = std::integral_constant<LatentFamily, LatentFamily::laplace>;
  switch (family) {
    case LatentFamily::normal:
      launch(Normal());
      return cudaGetLastError();
    case LatentFamily::laplace:
      launch(Laplace());
      return cudaGetLastError();
  }
  return cudaErrorInvalidValue;
}

}  // namespace

cudaError_t launch_latent_log_density(LatentFamily family,
                                      const LatentTerms& terms, float* density,
                                      cudaStream_t stream) {
  const auto blocks =
      static_cast<unsigned>(terms.draws * terms.components * terms.batch);
  return by_family(family, [&](auto constant) {
    density_of_block<constant.value>
        <<<blocks, kLatentThreads, 0, stream>>>(terms, density);
  });
}

cudaError_t launch_latent_log_density_backward(LatentFamily family,
                                               const LatentTerms& terms,
                                               const float* gradient,
                                               const LatentGradients& to,
                                               cudaStream_t stream) {
  const std::int64_t row = terms.batch * terms.size;
  return by_family(family, [&](auto constant) {
    if (to.z != nullptr) {
      gradient_to_z<constant.value>
          <<<blocks_for(terms.draws * row, kThreads), kThreads, 0, stream>>>(
              terms, gradient, to.z);
    }
    if (to.location != nullptr) {
      gradient_to_components<constant.value>
          <<<blocks_for(terms.components * row, kThreads), kThreads, 0,
             stream>>>(terms, gradient, to.location, to.spread);
    }
  });
}

cudaError_t launch_latent_draw(LatentFamily family, const LatentNoise& from,
                               const float* location, float* drawn,
                               cudaStream_t stream) {
  const unsigned blocks = blocks_for(from.draws * from.count, kThreads);
  return by_family(family, [&](auto constant) {
    draw<constant.value>
        <<<blocks, kThreads, 0, stream>>>(from, location, drawn);
  });
}

cudaError_t launch_latent_draw_backward(LatentFamily family,
                                        const LatentNoise& from,
                                        const float* gradient,
                                        const LatentGradients& to,
                                        cudaStream_t stream) {
  const unsigned blocks = blocks_for(from.count, kThreads);
  return by_family(family, [&](auto constant) {
    draw_backward<constant.value><<<blocks, kThreads, 0, stream>>>(
        from, gradient, to.location, to.spread);
  });
}

}  // namespace shalab::gpu
