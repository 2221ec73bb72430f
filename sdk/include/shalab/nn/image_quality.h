#pragma once
// PSNR and SSIM of image pairs, as scikit-image computes them.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace shalab {

// Side of the SSIM window: an image must be at least this high and wide.
inline constexpr std::int64_t kSsimWindow = 11;

// dB that a measurement counts equal images as, so that a mean stays finite.
// One step of 8 bits in every value is 48 dB.
inline constexpr double kPsnrCap = 100.0;

// Peak signal-to-noise ratio in dB for a data range of 1:
//   psnr = -10 log10( mean over C, H, W of (x - y)^2 )
// x, y [B, C, H, W] in [0, 1]; result double [B], +infinity for equal images.
// Equals skimage.metrics.peak_signal_noise_ratio(data_range=1).
// Gradient: none. A failed check when the shapes differ.
at::Tensor psnr(const at::Tensor& x, const at::Tensor& y);

// Structural similarity (Wang et al. 2004), data range 1:
//   ssim = mean of (2 mx my + C1)(2 sxy + C2) /
//                  ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2))
// over channels and over the positions where the whole window fits. Local
// moments are population moments under a Gaussian window of 11 x 11 with
// standard deviation 1.5; C1 = 0.01^2, C2 = 0.03^2.
// x, y [B, C, H, W] in [0, 1]; result double [B] in [-1, 1], 1 for equal
// images. Equals skimage.metrics.structural_similarity(data_range=1,
// channel_axis, gaussian_weights=True, sigma=1.5, use_sample_covariance=False).
// Gradient: none. Errors: Error(usage) when a side is below kSsimWindow; a
// failed check when the shapes differ.
at::Tensor ssim(const at::Tensor& x, const at::Tensor& y);

}  // namespace shalab
