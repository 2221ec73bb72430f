// libpng leaves its functions by longjmp on an error. No object with a
// destructor may live in a frame that is jumped over: `Reading` owns all of
// them and the two stages below hold plain pointers only.

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

#include "decoders.h"
#include "shalab/error.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

// One bit a pixel, deflated as far as deflate goes.
constexpr std::uint64_t kMaxPngPixelsPerByte = 8 * kMaxDeflateRatio;

struct Reading {
  ByteView rest;
  char message[200] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::vector<png_bytep> rows;

  Reading() = default;
  ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* const reading = static_cast<Reading*>(png_get_error_ptr(png));
  std::strncpy(reading->message, message, sizeof(reading->message) - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, std::size_t count) {
  auto* const reading = static_cast<Reading*>(png_get_io_ptr(png));
  if (count > reading->rest.size()) png_error(png, "truncated");
  std::memcpy(out, reading->rest.data(), count);
  reading->rest = reading->rest.subspan(count);
}

// Sets up the transformations to 8-bit samples without a palette.
bool read_info(Reading* reading) {
  png_structp const png = reading->png;
  png_infop const info = reading->info;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, reading, on_read);
  png_read_info(png, info);
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return true;
}

bool read_pixels(Reading* reading) {
  png_structp const png = reading->png;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_image(png, reading->rows.data());
  png_read_end(png, nullptr);
  return true;
}

[[noreturn]] void refuse(const fs::path& file, const Reading& reading) {
  fail(file, std::string("not a sound PNG file: ") + reading.message);
}

Image make_image(const fs::path& file, const Reading& reading,
                 std::size_t num_bytes) {
  Image image;
  image.width = png_get_image_width(reading.png, reading.info);
  image.height = png_get_image_height(reading.png, reading.info);
  image.channels = png_get_channels(reading.png, reading.info);
  check_picture_size(file, static_cast<std::uint64_t>(image.width),
                     static_cast<std::uint64_t>(image.height), num_bytes,
                     kMaxPngPixelsPerByte);
  image.pixels.resize(
      static_cast<std::size_t>(image.width * image.height * image.channels));
  return image;
}

}  // namespace

Image decode_png(const fs::path& file, ByteView bytes) {
  Reading reading;
  reading.rest = bytes;
  reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading,
                                       on_error, on_warning);
  if (reading.png) reading.info = png_create_info_struct(reading.png);
  if (!reading.info) fail(file, "the PNG decoder could not be started");
  if (!read_info(&reading)) refuse(file, reading);
  Image image = make_image(file, reading, bytes.size());
  const auto row_size = static_cast<std::size_t>(image.width * image.channels);
  SHALAB_CHECK(png_get_rowbytes(reading.png, reading.info) == row_size,
               "a decoded PNG row is not 8 bits a sample");
  for (std::int64_t y = 0; y < image.height; ++y) {
    reading.rows.push_back(image.pixels.data() +
                           static_cast<std::size_t>(y) * row_size);
  }
  if (!read_pixels(&reading)) refuse(file, reading);
  return image;
}

void write_png(const fs::path& file, const Image& image) {
  const std::int64_t expected = image.width * image.height * image.channels;
  SHALAB_CHECK((image.channels == 1 || image.channels == 3) &&
                   image.width > 0 && image.height > 0 &&
                   static_cast<std::size_t>(expected) == image.pixels.size(),
               std::to_string(image.width) + "x" +
                   std::to_string(image.height) + "x" +
                   std::to_string(image.channels) + " image with " +
                   std::to_string(image.pixels.size()) + " bytes");
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  Bytes bytes(size);
  if (!png_image_write_to_memory(&header, bytes.data(), &size, 0,
                                 image.pixels.data(), 0, nullptr)) {
    fail(file, std::string("cannot make a PNG: ") + header.message);
  }
  write_bytes(file, ByteView(bytes).first(size));
}

}  // namespace shalab::io
