#include "shalab/io/images.h"

#include <algorithm>
#include <array>

#include "bytes.h"
#include "decoders.h"
#include "shalab/error.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 28;
constexpr std::array<std::uint8_t, 8> kPngMagic = {0x89, 'P',  'N',  'G',
                                                   '\r', '\n', 0x1a, '\n'};
constexpr std::array<std::uint8_t, 3> kJpegMagic = {0xff, 0xd8, 0xff};

template <std::size_t n>
bool starts_with(ByteView bytes, const std::array<std::uint8_t, n>& magic) {
  return bytes.size() >= n &&
         std::equal(
             magic.begin(), magic.end(), bytes.begin(),
             [](std::uint8_t a, std::byte b) { return std::byte{a} == b; });
}

std::uint8_t over_white(std::uint8_t value, std::uint8_t alpha) {
  return static_cast<std::uint8_t>((value * alpha + 255 * (255 - alpha) + 127) /
                                   255);
}

Image without_alpha(Image image) {
  if (image.channels % 2 != 0) return image;
  const auto from = static_cast<std::size_t>(image.channels);
  const std::size_t to = from - 1;
  const std::size_t num_pixels = image.pixels.size() / from;
  for (std::size_t i = 0; i < num_pixels; ++i) {
    const std::uint8_t alpha = image.pixels[i * from + to];
    for (std::size_t c = 0; c < to; ++c) {
      image.pixels[i * to + c] = over_white(image.pixels[i * from + c], alpha);
    }
  }
  image.pixels.resize(num_pixels * to);
  image.channels = static_cast<std::int64_t>(to);
  return image;
}

Image colour_of(const Image& grey) {
  Image image{grey.width, grey.height, 3, {}};
  image.pixels.reserve(3 * grey.pixels.size());
  for (const std::uint8_t value : grey.pixels) {
    image.pixels.insert(image.pixels.end(), 3, value);
  }
  return image;
}

// ITU-R BT.601 luma in 1/65536: 0.299, 0.587, 0.114.
Image grey_of(const Image& colour) {
  Image image{colour.width, colour.height, 1, {}};
  image.pixels.reserve(colour.pixels.size() / 3);
  for (std::size_t i = 0; i < colour.pixels.size(); i += 3) {
    const std::uint32_t luma = 19595u * colour.pixels[i] +
                               38470u * colour.pixels[i + 1] +
                               7471u * colour.pixels[i + 2];
    image.pixels.push_back(static_cast<std::uint8_t>((luma + 0x8000) >> 16));
  }
  return image;
}

}  // namespace

void check_picture_size(const fs::path& file, std::uint64_t width,
                        std::uint64_t height, std::uint64_t num_bytes,
                        std::uint64_t max_pixels_per_byte) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  if (width == 0 || height == 0) fail(file, "a picture of size " + size);
  if (height > kMaxPixels / width) {
    fail(file, "a picture of size " + size + " is above 2^28 pixels");
  }
  if (width * height > num_bytes * max_pixels_per_byte) {
    fail(file, "says it is " + size + " pixels, which " +
                   std::to_string(num_bytes) + " bytes cannot hold: truncated");
  }
}

Image read_image(const fs::path& file, std::int64_t channels) {
  SHALAB_CHECK(channels == 0 || channels == 1 || channels == 3,
               std::to_string(channels) + " channels asked for");
  const Bytes bytes = read_bytes(file);
  Image image;
  if (starts_with(bytes, kPngMagic)) {
    image = without_alpha(decode_png(file, bytes));
  } else if (starts_with(bytes, kJpegMagic)) {
    image = decode_jpeg(file, bytes);
  } else {
    fail(file, "neither a PNG nor a JPEG file (judged by its content)");
  }
  if (channels == 0 || channels == image.channels) return image;
  return channels == 3 ? colour_of(image) : grey_of(image);
}

}  // namespace shalab::io
