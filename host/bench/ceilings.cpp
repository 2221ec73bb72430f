#include "bench/ceilings.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>

namespace shalab {

namespace {

constexpr int kTries = 6;
constexpr std::int64_t kSide = 2048;
constexpr std::int64_t kRows = 64;
constexpr std::int64_t kChannels = 64;
constexpr std::int64_t kPlaces = 28 * 28;
constexpr std::int64_t kCopied = 64 << 20;  // floats

// Reading one number waits for the device.
double best_seconds(const std::function<at::Tensor()>& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work().flatten()[0].item<float>();
    const auto stop = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double>(stop - start).count());
  }
  return best;
}

double convolution_flop() {
  return 2.0 * kRows * kPlaces * kChannels * kChannels * 9;
}

double convolution_seconds(const at::TensorOptions& options,
                           at::MemoryFormat format) {
  const auto x =
      at::randn({kRows, kChannels, 28, 28}, options).contiguous(format);
  const auto weight =
      at::randn({kChannels, kChannels, 3, 3}, options).contiguous(format);
  return best_seconds([&] { return at::conv2d(x, weight, {}, 1, 1); });
}

}  // namespace

Ceilings measure_ceilings(c10::Device device, Precision precision) {
  const at::NoGradGuard no_grad;
  const auto type = precision == Precision::bf16 ? at::kBFloat16 : at::kFloat;
  const auto options = at::TensorOptions(type).device(device);
  const auto a = at::randn({kSide, kSide}, options);
  const auto source = at::ones({kCopied}, options.dtype(at::kFloat));
  auto copy = at::empty_like(source);
  const double side = static_cast<double>(kSide);
  Ceilings result;
  result.gemm_gflops =
      2e-9 * side * side * side / best_seconds([&] { return a.mm(a); });
  result.convolution_gflops =
      1e-9 * convolution_flop() /
      std::min(convolution_seconds(options, at::MemoryFormat::Contiguous),
               convolution_seconds(options, at::MemoryFormat::ChannelsLast));
  result.copy_gb_per_second = 2e-9 * static_cast<double>(source.nbytes()) /
                              best_seconds([&] { return copy.copy_(source); });
  return result;
}

}  // namespace shalab
