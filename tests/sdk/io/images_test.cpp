#include "shalab/io/images.h"

#include <gtest/gtest.h>

#include "files_of_others.h"
#include "io_fixture.h"

namespace shalab::io {
namespace images_test {

using Images = IoTest;
using Pixels = std::vector<std::uint8_t>;

TEST_F(Images, KeepsPngPixels) {
  const Image colour{2, 1, 3, {1, 2, 3, 250, 251, 252}};
  const Image grey{1, 3, 1, {0, 128, 255}};
  for (const Image& image : {colour, grey}) {
    write_png(path("a.png"), image);
    const Image again = read_image(path("a.png"));
    EXPECT_EQ(again.width, image.width);
    EXPECT_EQ(again.height, image.height);
    EXPECT_EQ(again.channels, image.channels);
    EXPECT_EQ(again.pixels, image.pixels);
  }
}

TEST_F(Images, ConvertsEveryPngToEightBits) {
  EXPECT_EQ(read_image(put("a", kPngPalette)).pixels,
            (Pixels{10, 20, 30, 200, 100, 50}));
  EXPECT_EQ(read_image(put("a", kPngGrey16)).pixels, (Pixels{128, 255, 0}));
  EXPECT_EQ(read_image(put("a", kPngOneBit)).pixels, (Pixels{0, 255, 0}));
}

TEST_F(Images, LaysAlphaOverWhite) {
  // 100 * 128 + 255 * 127 = 45185 = 177.2 * 255; 0: 127; 200: 227.4
  const Image colour = read_image(put("a", kPngAlpha));
  EXPECT_EQ(colour.channels, 3);
  EXPECT_EQ(colour.pixels, (Pixels{177, 127, 227, 255, 255, 255}));
  // 100 * 51 + 255 * 204 = 57120 = 224 * 255
  const Image grey = read_image(put("a", kPngGreyAlpha));
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, Pixels{224});
}

TEST_F(Images, ConvertsChannelsAsAsked) {
  write_png(path("c"), {1, 1, 3, {100, 150, 200}});
  // 0.299 * 100 + 0.587 * 150 + 0.114 * 200 = 140.75
  EXPECT_EQ(read_image(path("c"), 1).pixels, Pixels{141});
  write_png(path("g"), {2, 1, 1, {7, 9}});
  EXPECT_EQ(read_image(path("g"), 3).pixels, (Pixels{7, 7, 7, 9, 9, 9}));
  EXPECT_THROW(read_image(path("g"), 2), Error);
}

TEST_F(Images, ReadsJpeg) {
  const Image colour = read_image(put("photo.png", kJpegColour));
  EXPECT_EQ(colour.width, 16);
  EXPECT_EQ(colour.height, 8);
  ASSERT_EQ(colour.pixels.size(), 16u * 8 * 3);
  EXPECT_NEAR(colour.pixels[0], 200, 1);
  EXPECT_NEAR(colour.pixels[1], 30, 1);
  EXPECT_NEAR(colour.pixels[2], 60, 1);
  const Image grey = read_image(put("grey", kJpegGrey));
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, Pixels(6, 77));
}

TEST_F(Images, RefusesWhatDoesNotFit) {
  const auto refuse = [&](const std::string& bytes, const std::string& text) {
    const auto file = put("bad", bytes);
    expect_refused([&] { read_image(file); }, file.string(), text);
  };
  refuse("", "neither a PNG nor a JPEG");
  refuse("GIF89a", "neither a PNG nor a JPEG");
  refuse(kPngAlpha.substr(0, kPngAlpha.size() / 2), "PNG file: ");
  refuse(kPngAlpha.substr(0, 20), "truncated");
  refuse(kJpegColour.substr(0, kJpegColour.size() / 2), "JPEG file");
  refuse(kJpegColour.substr(0, kJpegColour.size() - 8), "JPEG file");
  refuse(kJpegCmyk, "CMYK");
  std::string flipped = kPngAlpha;
  flipped[30] ^= 1;  // the CRC-32 of IHDR
  refuse(flipped, "CRC");
}

TEST_F(Images, RefusesPicturesThatTheFileCannotHold) {
  std::string bomb = kJpegColour;
  const std::size_t frame = bomb.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  bomb.replace(frame + 5, 4, "\x30\x00\x30\x00", 4);  // 12288 x 12288
  const auto file = put("bomb", bomb);
  expect_refused([&] { read_image(file); }, file.string(), "cannot hold");
  bomb.replace(frame + 5, 4, "\xff\x00\xff\x00", 4);
  put("bomb", bomb);
  expect_refused([&] { read_image(file); }, file.string(), "2^28");
}

TEST_F(Images, SurvivesDamage) {
  const auto read = [](const auto& file) { read_image(file); };
  EXPECT_GT(damage(kPngPalette, read), 200);
  EXPECT_GT(damage(kPngAlpha, read), 200);
  EXPECT_GT(damage(kJpegColour, read), 50);
}

TEST_F(Images, ReadsThePhotographs) {
  const auto file = find_shared_data("backgrounds/the_scream_512x652.jpg");
  if (file.empty()) GTEST_SKIP() << "no backgrounds/ in the shared data";
  const Image image = read_image(file);
  EXPECT_EQ(image.width, 512);
  EXPECT_EQ(image.height, 652);
  EXPECT_EQ(image.channels, 3);
  EXPECT_EQ(read_image(file, 1).pixels.size(), 512u * 652u);
}

}  // namespace images_test
}  // namespace shalab::io
