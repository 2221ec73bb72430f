#include "shalab/nn/image_quality.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "shalab/error.h"

namespace shalab {
namespace {

constexpr double kSigma = 1.5;
constexpr double kC1 = 0.01 * 0.01;
constexpr double kC2 = 0.03 * 0.03;

void check_pair(const at::Tensor& x, const at::Tensor& y) {
  SHALAB_CHECK(x.dim() == 4 && x.sizes() == y.sizes(),
               "expected two tensors of one shape [B, C, H, W]");
}

// The window at each place of a side where it fits: [side - 10, side], rows
// summing to 1.
at::Tensor window_matrix(std::int64_t side, const at::Tensor& like) {
  const auto options = like.options();
  const at::Tensor row = at::arange(side - kSsimWindow + 1, options);
  const at::Tensor column = at::arange(side, options);
  const at::Tensor offset =
      column.unsqueeze(0) - row.unsqueeze(1) - kSsimWindow / 2;
  const at::Tensor weight = (offset.square() / (-2 * kSigma * kSigma)).exp() *
                            (offset.abs() <= kSsimWindow / 2);
  return weight / weight.sum(1, true);
}

}  // namespace

at::Tensor psnr(const at::Tensor& x, const at::Tensor& y) {
  check_pair(x, y);
  const at::Tensor error = x.detach().to(at::kDouble) - y.to(at::kDouble);
  return error.square().mean({1, 2, 3}).log10() * -10;
}

at::Tensor ssim(const at::Tensor& x, const at::Tensor& y) {
  check_pair(x, y);
  if (x.size(2) < kSsimWindow || x.size(3) < kSsimWindow) {
    throw Error(ErrorKind::usage,
                "SSIM of images of " + std::to_string(x.size(2)) + " x " +
                    std::to_string(x.size(3)) + " pixels",
                "its window is 11 x 11: use larger images");
  }
  const at::Tensor a = x.detach().to(at::kDouble);
  const at::Tensor b = y.detach().to(at::kDouble);
  const at::Tensor rows = window_matrix(a.size(2), a);
  const at::Tensor columns = window_matrix(a.size(3), a).t();
  const auto local = [&](const at::Tensor& image) {
    return rows.matmul(image).matmul(columns);
  };
  const at::Tensor ma = local(a), mb = local(b);
  const at::Tensor mean_product = ma * mb;
  const at::Tensor mean_squares = ma.square() + mb.square();
  const at::Tensor covariance = local(a * b) - mean_product;
  const at::Tensor variances = local(a.square() + b.square()) - mean_squares;
  const at::Tensor map = (2 * mean_product + kC1) * (2 * covariance + kC2) /
                         ((mean_squares + kC1) * (variances + kC2));
  return map.mean({1, 2, 3});
}

}  // namespace shalab
