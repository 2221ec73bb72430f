#include "shalab/nn/image_quality.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shalab/error.h"

namespace shalab {
namespace image_quality_test {

// Pixel (c, y, x) as in tools/oracles/image_quality.py; [1, C, H, W].
at::Tensor image(std::int64_t channels, std::int64_t height, std::int64_t width,
                 double a, double b) {
  const auto c = at::arange(channels, at::kDouble).view({-1, 1, 1});
  const auto y = at::arange(height, at::kDouble).view({1, -1, 1});
  const auto x = at::arange(width, at::kDouble).view({1, 1, -1});
  const at::Tensor value =
      a * (y + 1.0).square() + b * (x + 1.0) + 0.37 * (c + 1.0) + 0.011 * x * y;
  return (value - value.floor()).unsqueeze(0);
}

// scikit-image 0.26.0, numpy 2.4.6, tools/oracles/image_quality.py.
struct Golden {
  std::int64_t channels, height, width;
  double near_psnr, near_ssim, far_psnr, far_ssim;
};

class ImageQuality : public testing::TestWithParam<Golden> {};

TEST_P(ImageQuality, EqualsScikitImage) {
  const Golden& g = GetParam();
  const at::Tensor real = image(g.channels, g.height, g.width, 0.013, 0.071);
  const at::Tensor far = image(g.channels, g.height, g.width, 0.029, 0.053);
  const at::Tensor near = (real + 0.1 * (far - 0.5)).clamp(0, 1);
  EXPECT_NEAR(psnr(real, near).item<double>(), g.near_psnr, 1e-6);
  EXPECT_NEAR(psnr(real, far).item<double>(), g.far_psnr, 1e-6);
  EXPECT_NEAR(ssim(real, near).item<double>(), g.near_ssim, 1e-6);
  EXPECT_NEAR(ssim(real, far).item<double>(), g.far_ssim, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ImageQuality,
    testing::Values(Golden{3, 28, 28, 30.891547393740, 0.995165461764,
                           7.817685419517, 0.010832152091},
                    Golden{1, 11, 17, 30.954781012371, 0.994923178371,
                           8.033787750611, -0.133314913738},
                    Golden{3, 40, 24, 30.901893772648, 0.995097162396,
                           7.870771452582, 0.005353444710}));

TEST(Psnr, OfATenthOffIsTwentyDecibels) {
  const at::Tensor x = at::full({2, 3, 4, 4}, 0.5, at::kDouble);
  const at::Tensor result = psnr(x, x + 0.1);  // mse 0.01: -10 log10(0.01)
  ASSERT_EQ(result.size(0), 2);
  EXPECT_NEAR(result[1].item<double>(), 20.0, 1e-12);
}

TEST(Psnr, OfEqualImagesIsInfinite) {
  const at::Tensor x = at::full({1, 1, 2, 2}, 0.5);
  EXPECT_TRUE(std::isinf(psnr(x, x).item<double>()));
}

TEST(Psnr, RefusesAnotherShape) {
  EXPECT_THROW(psnr(at::zeros({1, 1, 4, 4}), at::zeros({1, 1, 4, 5})), Error);
}

TEST(Ssim, OfEqualImagesIsOne) {
  const at::Tensor x = image(3, 16, 16, 0.013, 0.071);
  EXPECT_NEAR(ssim(x, x).item<double>(), 1.0, 1e-12);
}

// Constant images have no variance: (2 ab + C1) / (a^2 + b^2 + C1).
TEST(Ssim, OfConstantImagesComparesBrightness) {
  const at::Tensor a = at::full({1, 1, 12, 12}, 0.2, at::kDouble);
  const at::Tensor b = at::full({1, 1, 12, 12}, 0.6, at::kDouble);
  EXPECT_NEAR(ssim(a, b).item<double>(), (0.24 + 1e-4) / (0.40 + 1e-4), 1e-9);
}

TEST(Ssim, OfABatchIsThatOfItsImages) {
  const at::Tensor real = image(1, 20, 20, 0.013, 0.071);
  const at::Tensor other = image(1, 20, 20, 0.029, 0.053);
  const at::Tensor both = ssim(at::cat({real, real}), at::cat({other, real}));
  EXPECT_EQ(both[0].item<double>(), ssim(real, other).item<double>());
  EXPECT_NEAR(both[1].item<double>(), 1.0, 1e-12);
}

TEST(Ssim, RefusesAnImageSmallerThanItsWindow) {
  const at::Tensor x = at::zeros({1, 1, 10, 28});
  try {
    ssim(x, x);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("10 x 28"), std::string::npos);
  }
}

}  // namespace image_quality_test
}  // namespace shalab
