#pragma once
// The kernels of gpu/ on a CPU: loops over the same arithmetic, in the same
// order where a sum depends on it. And the kernels themselves, where there is a
// GPU.

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "arithmetic/event_log_density.h"
#include "arithmetic/gather_rows.h"
#include "arithmetic/leaky_residual.h"

namespace shalab::gpu_tests {

// The operator shalab::<name>, as every caller reaches it.
template <typename Signature>
auto operator_of(const std::string& name) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(("shalab::" + name).c_str(), "")
      .typed<Signature>();
}

using Density = at::Tensor(const at::Tensor&, const at::Tensor&, std::int64_t,
                           std::int64_t, double, double);
using Slope = at::Tensor(const at::Tensor&, const at::Tensor&,
                         const at::Tensor&, std::int64_t, std::int64_t, double);
using Gather = at::Tensor(const at::Tensor&, const at::Tensor&);
using Pair = std::tuple<at::Tensor, at::Tensor>;
using Residual = Pair(const at::Tensor&, const at::Tensor&, double, double,
                      std::int64_t, bool);
using ResidualBackward = Pair(const at::Tensor&,
                              const std::optional<at::Tensor>&,
                              const at::Tensor&, double, double, std::int64_t,
                              at::IntArrayRef);

// What is missing for the kernels' library to load, or "". Opens it once.
inline const std::string& missing_library() {
  static const std::string missing = []() -> std::string {
    const char* folder = std::getenv("SHALAB_CUDA_LIBTORCH");
    const std::string own =
        std::string(SHALAB_BUILD_DIR) + "/lib/libshalab_cuda.so";
    if (folder == nullptr) return "SHALAB_CUDA_LIBTORCH is not set";
    if (!std::filesystem::exists(own)) return "no libshalab_cuda was built";
    const std::string torch = std::string(folder) + "/libtorch_cuda.so";
    for (const std::string& library : {torch, own}) {
      if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
        return std::string("FAILED: ") + dlerror();
      }
    }
    return "";
  }();
  return missing;
}

// Why kernels cannot run here, or "".
inline std::string missing_gpu() {
  if (!missing_library().empty()) return missing_library();
  const bool has_gpu = at::detail::getCUDAHooks().deviceCount() > 0;
  return has_gpu ? "" : "no GPU";
}

inline float block_sum(std::vector<float> threads) {
  float sum = 0.0f;
  for (int warp = 0; warp < gpu::kDensityThreads / 32; ++warp) {
    float* lanes = threads.data() + 32 * warp;
    for (int offset = 16; offset > 0; offset /= 2) {
      for (int lane = 0; lane < offset; ++lane) {
        lanes[lane] = gpu::plus(lanes[lane], lanes[lane + offset]);
      }
    }
    sum = warp == 0 ? lanes[0] : gpu::plus(sum, lanes[0]);
  }
  return sum;
}

template <gpu::EventFamily family>
float piece_sum(const float* m, const float* x, std::int64_t begin,
                std::int64_t end) {
  std::vector<float> threads(gpu::kDensityThreads);
  for (int thread = 0; thread < gpu::kDensityThreads; ++thread) {
    float sums[gpu::kDensityPlaces] = {};
    for (std::int64_t i = begin + thread * gpu::kDensityPlaces; i < end;
         i += gpu::kDensityStride) {
      for (int k = 0; k < gpu::kDensityPlaces && i + k < end; ++k) {
        sums[k] = gpu::plus(
            sums[k], gpu::EventDensity<family>::term(m[i + k], x[i + k]));
      }
    }
    threads[thread] =
        gpu::plus(gpu::plus(sums[0], sums[1]), gpu::plus(sums[2], sums[3]));
  }
  return block_sum(threads);
}

// m [R, E] and x [X, E], contiguous; row r of m is compared with r mod X.
template <gpu::EventFamily family>
at::Tensor density_twin(const at::Tensor& m, const at::Tensor& x,
                        gpu::DensityAffine affine) {
  const std::int64_t event = m.size(1);
  const at::Tensor density = at::empty({m.size(0)});
  const gpu::RowPieces pieces = gpu::pieces_of(m.size(0), event);
  for (std::int64_t row = 0; row < m.size(0); ++row) {
    const float* ms = m.const_data_ptr<float>() + row * event;
    const float* xs = x.const_data_ptr<float>() + row % x.size(0) * event;
    float sum = 0.0f;
    for (std::int64_t piece = 0; piece < pieces.count; ++piece) {
      const std::int64_t begin = piece * pieces.size;
      const float part = piece_sum<family>(
          ms, xs, begin, std::min(begin + pieces.size, event));
      sum = piece == 0 ? part : gpu::plus(sum, part);
    }
    density.mutable_data_ptr<float>()[row] = gpu::finished<family>(sum, affine);
  }
  return density;
}

template <gpu::EventFamily family>
at::Tensor slope_twin(const at::Tensor& m, const at::Tensor& x,
                      const at::Tensor& gradient, float factor) {
  const at::Tensor slopes = at::empty_like(m);
  const std::int64_t event = m.size(1);
  for (std::int64_t i = 0; i < m.numel(); ++i) {
    const std::int64_t row = i / event;
    const float from =
        x.const_data_ptr<float>()[row % x.size(0) * event + i % event];
    slopes.mutable_data_ptr<float>()[i] = gpu::times(
        gpu::EventDensity<family>::slope(m.const_data_ptr<float>()[i], from),
        gpu::times(gradient.const_data_ptr<float>()[row], factor));
  }
  return slopes;
}

inline at::Tensor gather_twin(const at::Tensor& rows,
                              const at::Tensor& indices) {
  const std::int64_t size = rows.numel() / rows.size(0);
  const at::Tensor gathered = at::empty({indices.size(0), size});
  for (std::int64_t i = 0; i < gathered.numel(); ++i) {
    const std::int64_t row = indices.const_data_ptr<std::int64_t>()[i / size];
    gathered.mutable_data_ptr<float>()[i] = gpu::unit_of(
        rows.const_data_ptr<std::uint8_t>()[row * size + i % size]);
  }
  return gathered;
}

template <typename Element>
std::tuple<at::Tensor, at::Tensor> residual_twin(const at::Tensor& x,
                                                 const at::Tensor& dx,
                                                 double weight, double slope) {
  const at::Tensor sum = at::empty_like(x), activated = at::empty_like(x);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto pair = gpu::leaky_residual(
        x.const_data_ptr<Element>()[i], dx.const_data_ptr<Element>()[i],
        static_cast<float>(weight), static_cast<float>(slope));
    sum.mutable_data_ptr<Element>()[i] = pair.sum;
    activated.mutable_data_ptr<Element>()[i] = pair.activated;
  }
  return {sum, activated};
}

template <typename Element>
std::tuple<at::Tensor, at::Tensor> residual_backward_twin(
    const at::Tensor& activated, const at::Tensor& to_sum,
    const at::Tensor& to_activated, double weight, double slope) {
  const at::Tensor x = at::empty_like(activated), dx = at::empty_like(x);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const Element above =
        to_sum.defined() ? to_sum.const_data_ptr<Element>()[i] : Element(0.0f);
    const auto both = gpu::leaky_residual_gradients(
        activated.const_data_ptr<Element>()[i], above,
        to_activated.const_data_ptr<Element>()[i], static_cast<float>(weight),
        static_cast<float>(slope));
    x.mutable_data_ptr<Element>()[i] = both.x;
    dx.mutable_data_ptr<Element>()[i] = both.dx;
  }
  return {x, dx};
}

}  // namespace shalab::gpu_tests
