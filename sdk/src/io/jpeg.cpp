#include <turbojpeg.h>

#include <memory>

#include "decoders.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

// A flat 16x16 patch costs at least a few bits, whatever the encoder.
constexpr std::uint64_t kMaxJpegPixelsPerByte = 8192;

struct Destroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, Destroy>;

}  // namespace

Image decode_jpeg(const fs::path& file, ByteView bytes) {
  const Handle handle(tjInitDecompress());
  if (!handle) fail(file, "the JPEG decoder could not be started");
  const auto* const data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto refuse = [&] {
    fail(file,
         std::string("not a sound JPEG file: ") + tjGetErrorStr2(handle.get()));
  };
  int width = 0, height = 0, subsampling = 0, colour = 0;
  if (tjDecompressHeader3(handle.get(), data, bytes.size(), &width, &height,
                          &subsampling, &colour) != 0) {
    refuse();
  }
  if (colour == TJCS_CMYK || colour == TJCS_YCCK) {
    fail(file, "a CMYK JPEG is not supported", "save it as RGB");
  }
  check_picture_size(file, static_cast<std::uint64_t>(width),
                     static_cast<std::uint64_t>(height), bytes.size(),
                     kMaxJpegPixelsPerByte);
  Image image{width, height, colour == TJCS_GRAY ? 1 : 3, {}};
  image.pixels.resize(
      static_cast<std::size_t>(width * image.height * image.channels));
  const int format = colour == TJCS_GRAY ? TJPF_GRAY : TJPF_RGB;
  if (tjDecompress2(handle.get(), data, bytes.size(), image.pixels.data(),
                    width, 0, height, format, 0) != 0) {
    refuse();
  }
  return image;
}

}  // namespace shalab::io
