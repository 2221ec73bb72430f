#include "bench/ceilings.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "model/product_rate.h"

namespace shalab {

namespace {

constexpr std::int64_t kSide = 2048;
constexpr std::int64_t kRows = 64;
constexpr std::int64_t kChannels = 64;
constexpr std::int64_t kPlaces = 28 * 28;
constexpr std::int64_t kCopied = 64 << 20;  // floats

double convolution_flop() {
  return 2.0 * kRows * kPlaces * kChannels * kChannels * 9;
}

double convolution_seconds(const at::TensorOptions& options,
                           at::MemoryFormat format) {
  const auto x =
      at::randn({kRows, kChannels, 28, 28}, options).contiguous(format);
  const auto weight =
      at::randn({kChannels, kChannels, 3, 3}, options).contiguous(format);
  return least_seconds([&] { return at::conv2d(x, weight, {}, 1, 1); });
}

}  // namespace

Ceilings measure_ceilings(c10::Device device, Precision precision) {
  const at::NoGradGuard no_grad;
  const auto type = precision == Precision::bf16 ? at::kBFloat16 : at::kFloat;
  const auto options = at::TensorOptions(type).device(device);
  const auto source = at::ones({kCopied}, options.dtype(at::kFloat));
  auto copy = at::empty_like(source);
  Ceilings result;
  result.gemm_gflops = product_gflops(device, precision, kSide);
  result.convolution_gflops =
      1e-9 * convolution_flop() /
      std::min(convolution_seconds(options, at::MemoryFormat::Contiguous),
               convolution_seconds(options, at::MemoryFormat::ChannelsLast));
  result.copy_gb_per_second = 2e-9 * static_cast<double>(source.nbytes()) /
                              least_seconds([&] { return copy.copy_(source); });
  return result;
}

}  // namespace shalab
