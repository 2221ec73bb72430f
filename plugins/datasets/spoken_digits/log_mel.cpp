#include "log_mel.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/hann_window.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/stft.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "shalab/error.h"

namespace shalab::spoken_digits {

namespace {

constexpr double kDecibels = 80;  // from black to white
constexpr std::int64_t kChunk = 256;

// double [bands + 2]: where the triangles begin, peak and end, in Hz.
at::Tensor mel_edges(const LogMelOptions& options) {
  const double nyquist = static_cast<double>(options.rate) / 2;
  const double top = 2595 * std::log10(1 + nyquist / 700);
  const at::Tensor mel = at::linspace(0, top, options.bands + 2, at::kDouble);
  return 700 * (at::pow(10, mel / 2595) - 1);
}

// double [N, bins, frames].
at::Tensor power_spectrum(const at::Tensor& waves,
                          const LogMelOptions& options) {
  const std::int64_t margin = (options.window - options.hop) / 2;
  const at::Tensor spectrum = at::stft(
      at::constant_pad_nd(waves, {margin, margin}), options.window, options.hop,
      options.window, at::hann_window(options.window, at::kDouble),
      /*center=*/false, "constant", /*normalized=*/false, /*onesided=*/true,
      /*return_complex=*/true);
  return spectrum.abs().square();
}

// [N, bands, frames] of powers -> bytes.
at::Tensor as_bytes(const at::Tensor& power) {
  const double floor = std::pow(10, -kDecibels / 10);
  const at::Tensor loudest = power.amax({1, 2}, true).clamp_min(1e-30);
  const at::Tensor decibels =
      10 * (power / loudest).clamp_min(floor).log10() + kDecibels;
  return (decibels * (255 / kDecibels)).round().to(at::kByte);
}

}  // namespace

at::Tensor mel_filters(const LogMelOptions& options) {
  const at::Tensor edges = mel_edges(options).unsqueeze(1);
  const at::Tensor from = edges.slice(0, 0, options.bands);
  const at::Tensor peak = edges.slice(0, 1, options.bands + 1);
  const at::Tensor to = edges.slice(0, 2);
  const double nyquist = static_cast<double>(options.rate) / 2;
  const at::Tensor frequency =
      at::linspace(0, nyquist, options.window / 2 + 1, at::kDouble);
  const at::Tensor filters = at::minimum((frequency - from) / (peak - from),
                                         (to - frequency) / (to - peak))
                                 .clamp_min(0);
  if (filters.amax(1).min().item<double>() == 0) {
    throw Error(ErrorKind::usage,
                "dataset.mel_bands = " + std::to_string(options.bands) +
                    ": some bands hold no frequency of a window of " +
                    std::to_string(options.window) + " samples",
                "choose fewer mel_bands or a longer window");
  }
  return filters;
}

at::Tensor log_mel_images(const at::Tensor& waves,
                          const LogMelOptions& options) {
  const at::Tensor filters = mel_filters(options);
  const std::int64_t size = waves.size(0);
  at::Tensor images =
      at::empty({size, 1, options.bands, options.frames}, at::kByte);
  for (std::int64_t first = 0; first < size; first += kChunk) {
    const std::int64_t count = std::min(kChunk, size - first);
    const at::Tensor power =
        filters.matmul(power_spectrum(waves.narrow(0, first, count), options));
    images.narrow(0, first, count).select(1, 0).copy_(as_bytes(power).flip(1));
  }
  return images;
}

at::Tensor centred(const at::Tensor& samples, std::int64_t length) {
  const std::int64_t missing = length - samples.size(0);
  if (missing < 0) return samples.narrow(0, -missing / 2, length);
  return at::constant_pad_nd(samples, {missing / 2, missing - missing / 2});
}

}  // namespace shalab::spoken_digits
