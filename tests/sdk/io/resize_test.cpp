#include "shalab/io/resize.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "shalab/error.h"

namespace shalab::io {
namespace resize_test {

using Levels = std::vector<std::uint8_t>;
using Sums = std::pair<std::int64_t, std::int64_t>;

// (17 y + 31 x + 7 x y + 53 c) mod 256, as in tools/oracles/cub_captions.py.
Image patterned(std::int64_t width, std::int64_t height) {
  Image image{width, height, 3, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < 3; ++c) {
        image.pixels.push_back(
            static_cast<std::uint8_t>(17 * y + 31 * x + 7 * x * y + 53 * c));
      }
    }
  }
  return image;
}

// Of the levels, and of the levels with weights 0, 1, ..., 250, 0, 1, ...
Sums sums(const Image& image) {
  Sums result{0, 0};
  std::int64_t place = 0;
  for (const std::uint8_t level : image.pixels) {
    result.first += level;
    result.second += level * (place++ % 251);
  }
  return result;
}

// The numbers of both tests: Pillow 12.0.0, the same by 9.5.0.
TEST(Resize, EqualsPillowLevelByLevel) {
  const Image bilinear = resized(patterned(5, 7), 3, 4, ResizeFilter::bilinear);
  EXPECT_EQ(bilinear.width, 3);
  EXPECT_EQ(bilinear.height, 4);
  EXPECT_EQ(bilinear.channels, 3);
  EXPECT_EQ(
      bilinear.pixels,
      (Levels{23,  76,  129, 78,  131, 182, 133, 179, 164, 55,  108, 161,
              126, 164, 147, 157, 103, 70,  91,  144, 176, 172, 151, 79,
              107, 73,  126, 123, 176, 125, 177, 93,  84,  90,  138, 191}));
  EXPECT_EQ(
      resized(patterned(5, 7), 3, 4, ResizeFilter::bicubic).pixels,
      (Levels{19,  71,  125, 74,  130, 191, 136, 189, 170, 51,  107, 167,
              131, 174, 150, 163, 98,  57,  89,  148, 182, 183, 155, 69,
              105, 61,  121, 128, 181, 118, 181, 85,  75,  86,  140, 201}));
}

TEST(Resize, EqualsPillowOnLargePictures) {
  const Image image = patterned(333, 400);
  EXPECT_EQ(sums(resized(image, 64, 64, ResizeFilter::bilinear)),
            Sums(1568845, 195922396));
  EXPECT_EQ(sums(resized(image, 64, 64, ResizeFilter::bicubic)),
            Sums(1568818, 195923968));
  EXPECT_EQ(sums(resized(image, 500, 20, ResizeFilter::bilinear)),
            Sums(3830393, 477689209));
  EXPECT_EQ(sums(resized(image, 500, 20, ResizeFilter::bicubic)),
            Sums(3830199, 477645516));
}

TEST(Resize, ToItsOwnSizeChangesNothing) {
  const Image image = patterned(5, 7);
  EXPECT_EQ(resized(image, 5, 7, ResizeFilter::bicubic).pixels, image.pixels);
}

// Beside an edge the cubic kernel leaves [0, 255]; wrapped around, levels would
// not ascend.
TEST(Resize, CutsOvershoot) {
  const Image edge{4, 1, 1, {0, 0, 255, 255}};
  const Levels levels = resized(edge, 8, 1, ResizeFilter::bicubic).pixels;
  EXPECT_EQ(levels.front(), 0);
  EXPECT_EQ(levels.back(), 255);
  EXPECT_TRUE(std::is_sorted(levels.begin(), levels.end()));
}

TEST(Resize, RefusesEmptySides) {
  EXPECT_THROW(resized(patterned(5, 7), 0, 4, ResizeFilter::bilinear), Error);
  EXPECT_THROW(resized({}, 3, 4, ResizeFilter::bilinear), Error);
}

}  // namespace resize_test
}  // namespace shalab::io
