// Draws and densities of latents on CUDA. What a kernel does not serve (other
// number formats, nothing to do) goes to the operator's
// formula.

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "kernels/latent.h"
#include "latent_draw.h"
#include "latent_log_density.h"
#include "tensor_places.h"

namespace shalab {

namespace {

using Family = Posterior::Family;

static_assert(static_cast<int>(Family::normal) ==
              static_cast<int>(gpu::LatentFamily::normal));
static_assert(static_cast<int>(Family::laplace) ==
              static_cast<int>(gpu::LatentFamily::laplace));

bool fits(const at::Tensor& x, const at::Tensor& beside) {
  return are_together(x, beside) && x.scalar_type() == at::kFloat &&
         x.numel() > 0;
}

gpu::LatentTerms latent_terms(const at::Tensor& z, const at::Tensor& location,
                              const at::Tensor& spread) {
  return {z.size(0),
          location.size(0),
          z.size(1),
          z.size(2),
          z.const_data_ptr<float>(),
          location.const_data_ptr<float>(),
          spread.const_data_ptr<float>()};
}

at::Tensor latent_log_density_cuda(const at::Tensor& z,
                                   const at::Tensor& location,
                                   const at::Tensor& spread,
                                   std::int64_t family) {
  if (!fits(z, z) || !fits(location, z) || !fits(spread, z)) {
    return formula::latent_log_density(z, location, spread, family);
  }
  const c10::cuda::CUDAGuard guard(z.device());
  const at::Tensor draws = z.contiguous(), m = location.contiguous(),
                   s = spread.contiguous();
  const at::Tensor density =
      at::empty({z.size(0), location.size(0), z.size(1)}, z.options());
  C10_CUDA_CHECK(gpu::launch_latent_log_density(
      static_cast<gpu::LatentFamily>(family), latent_terms(draws, m, s),
      density.mutable_data_ptr<float>(), c10::cuda::getCurrentCUDAStream()));
  return density;
}

at::Tensor empty_if(bool is_wanted, const at::Tensor& like) {
  return is_wanted ? at::empty(like.sizes(), like.options()) : at::Tensor();
}

float* address(const at::Tensor& x) {
  return x.defined() ? x.mutable_data_ptr<float>() : nullptr;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> latent_log_density_backward_cuda(
    const at::Tensor& z, const at::Tensor& location, const at::Tensor& spread,
    const at::Tensor& gradient, std::int64_t family, bool wants_z,
    bool wants_components) {
  if (!fits(z, z) || !fits(location, z) || !fits(spread, z) ||
      !fits(gradient, z)) {
    return formula::latent_log_density_backward(
        z, location, spread, gradient, family, wants_z, wants_components);
  }
  const c10::cuda::CUDAGuard guard(z.device());
  const at::Tensor draws = z.contiguous(), m = location.contiguous(),
                   s = spread.contiguous(), from = gradient.contiguous();
  const at::Tensor to_z = empty_if(wants_z, z);
  const at::Tensor to_location = empty_if(wants_components, location);
  const at::Tensor to_spread = empty_if(wants_components, spread);
  C10_CUDA_CHECK(gpu::launch_latent_log_density_backward(
      static_cast<gpu::LatentFamily>(family), latent_terms(draws, m, s),
      from.const_data_ptr<float>(),
      {address(to_z), address(to_location), address(to_spread)},
      c10::cuda::getCurrentCUDAStream()));
  return {to_z, to_location, to_spread};
}

gpu::LatentNoise latent_noise(const at::Tensor& spread,
                              const at::Tensor& noise) {
  return {noise.numel() / spread.numel(), spread.numel(),
          spread.const_data_ptr<float>(), noise.const_data_ptr<float>()};
}

at::Tensor latent_draw_cuda(const at::Tensor& location,
                            const at::Tensor& spread, const at::Tensor& noise,
                            std::int64_t family) {
  if (!fits(noise, noise) || !fits(location, noise) || !fits(spread, noise)) {
    return formula::latent_draw(location, spread, noise, family);
  }
  const c10::cuda::CUDAGuard guard(noise.device());
  const at::Tensor m = location.contiguous(), s = spread.contiguous(),
                   from = noise.contiguous();
  const at::Tensor drawn = at::empty(noise.sizes(), noise.options());
  C10_CUDA_CHECK(gpu::launch_latent_draw(
      static_cast<gpu::LatentFamily>(family), latent_noise(s, from),
      m.const_data_ptr<float>(), drawn.mutable_data_ptr<float>(),
      c10::cuda::getCurrentCUDAStream()));
  return drawn;
}

std::tuple<at::Tensor, at::Tensor> latent_draw_backward_cuda(
    const at::Tensor& spread, const at::Tensor& noise,
    const at::Tensor& gradient, std::int64_t family) {
  if (!fits(noise, noise) || !fits(spread, noise) || !fits(gradient, noise)) {
    return formula::latent_draw_backward(spread, noise, gradient, family);
  }
  const c10::cuda::CUDAGuard guard(noise.device());
  const at::Tensor s = spread.contiguous(), of = noise.contiguous(),
                   from = gradient.contiguous();
  const at::Tensor to_location = empty_if(true, spread);
  const at::Tensor to_spread = empty_if(true, spread);
  C10_CUDA_CHECK(gpu::launch_latent_draw_backward(
      static_cast<gpu::LatentFamily>(family), latent_noise(s, of),
      from.const_data_ptr<float>(),
      {nullptr, address(to_location), address(to_spread)},
      c10::cuda::getCurrentCUDAStream()));
  return {to_location, to_spread};
}

TORCH_LIBRARY_IMPL(shalab, CUDA, library) {
  library.impl("latent_log_density", TORCH_FN(latent_log_density_cuda));
  library.impl("latent_log_density_backward",
               TORCH_FN(latent_log_density_backward_cuda));
  library.impl("latent_draw", TORCH_FN(latent_draw_cuda));
  library.impl("latent_draw_backward", TORCH_FN(latent_draw_backward_cuda));
}

}  // namespace

}  // namespace shalab
