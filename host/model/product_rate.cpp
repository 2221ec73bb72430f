#include "model/product_rate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace shalab {

namespace {

constexpr int kTries = 6;
constexpr double kNoise = 0.1;  // of a rate

std::string rounded(double rate) { return std::to_string(std::lround(rate)); }

}  // namespace

double least_seconds(const std::function<at::Tensor()>& work) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work().flatten()[0].item<float>();
    const auto stop = std::chrono::steady_clock::now();
    least =
        std::min(least, std::chrono::duration<double>(stop - start).count());
  }
  return least;
}

double product_gflops(c10::Device device, Precision precision,
                      std::int64_t side) {
  const at::NoGradGuard no_grad;
  const auto type = precision == Precision::bf16 ? at::kBFloat16 : at::kFloat;
  const auto a =
      at::full({side, side}, 0.5, at::TensorOptions(type).device(device));
  const auto flop = 2.0 * std::pow(static_cast<double>(side), 3);
  return 1e-9 * flop / least_seconds([&] { return a.mm(a); });
}

std::string slow_bf16_notice(double bf16_gflops, double fp32_gflops) {
  if (bf16_gflops >= (1 - kNoise) * fp32_gflops) return "";
  return "run.precision=bf16 is no gain on this processor: its products "
         "reach " +
         rounded(bf16_gflops) + " GFLOP/s in bf16 and " + rounded(fp32_gflops) +
         " in fp32; run.precision=fp32 would be faster";
}

}  // namespace shalab
