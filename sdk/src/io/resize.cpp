#include "shalab/io/resize.h"

#include <algorithm>
#include <cmath>

#include "shalab/error.h"

namespace shalab::io {

namespace {

constexpr int kPrecision =
    22;  // bits: 32, less 8 of a level and 2 of overshoot
constexpr std::int32_t kHalf = 1 << (kPrecision - 1);

struct Kernel {
  double support;
  double (*value)(double);
};

double bilinear(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

Kernel kernel_of(ResizeFilter filter) {
  if (filter == ResizeFilter::bilinear) return {1.0, bilinear};
  return {2.0, bicubic};
}

// One place of the result: what it takes of the places from `first` on.
struct Window {
  std::int64_t first = 0;
  std::vector<std::int32_t> weights;
};

Window window_of(std::int64_t place, std::int64_t from, std::int64_t to,
                 const Kernel& kernel) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double width = std::max(scale, 1.0);
  const double support = kernel.support * width;
  const double centre = (static_cast<double>(place) + 0.5) * scale;
  Window window;
  window.first = std::max<std::int64_t>(
      0, static_cast<std::int64_t>(centre - support + 0.5));
  const auto end =
      std::min(from, static_cast<std::int64_t>(centre + support + 0.5));
  std::vector<double> values;
  double sum = 0.0;
  for (std::int64_t i = window.first; i < end; ++i) {
    values.push_back(
        kernel.value((static_cast<double>(i) - centre + 0.5) * (1.0 / width)));
    sum += values.back();
  }
  for (const double value : values) {
    window.weights.push_back(
        static_cast<std::int32_t>(std::round(value / sum * (1 << kPrecision))));
  }
  return window;
}

std::uint8_t level(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecision, 0, 255));
}

// One direction. The image is `outer` blocks of `from` places, `inner` numbers
// each: a row's pixels for rows, a column's rows for columns.
struct Layout {
  std::int64_t outer = 0, from = 0, inner = 0;
};

std::vector<std::uint8_t> pass(const std::vector<std::uint8_t>& pixels,
                               const Layout& layout, std::int64_t to,
                               const Kernel& kernel) {
  if (layout.from == to) return pixels;
  const auto [outer, from, inner] = layout;
  std::vector<std::uint8_t> result(
      static_cast<std::size_t>(outer * to * inner));
  for (std::int64_t place = 0; place < to; ++place) {
    const Window window = window_of(place, from, to, kernel);
    for (std::int64_t o = 0; o < outer; ++o) {
      const auto* source = &pixels[(o * from + window.first) * inner];
      auto* target = &result[(o * to + place) * inner];
      for (std::int64_t i = 0; i < inner; ++i) {
        std::int32_t sum = kHalf;
        for (std::size_t k = 0; k < window.weights.size(); ++k) {
          sum += source[static_cast<std::int64_t>(k) * inner + i] *
                 window.weights[k];
        }
        target[i] = level(sum);
      }
    }
  }
  return result;
}

}  // namespace

Image resized(const Image& image, std::int64_t width, std::int64_t height,
              ResizeFilter filter) {
  SHALAB_CHECK(!image.pixels.empty() && width > 0 && height > 0,
               std::to_string(width) + " x " + std::to_string(height));
  const Kernel kernel = kernel_of(filter);
  const auto rows = pass(
      image.pixels, {image.height, image.width, image.channels}, width, kernel);
  return {
      width, height, image.channels,
      pass(rows, {1, image.height, width * image.channels}, height, kernel)};
}

}  // namespace shalab::io
