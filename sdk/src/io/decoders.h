#pragma once
// PNG and JPEG bytes to 8-bit pixels, as the file has them. Private to
// libshalab_base.

#include <filesystem>

#include "bytes.h"
#include "shalab/io/images.h"

namespace shalab::io {

// 1 (grey), 2 (grey, alpha), 3 or 4 (colour, alpha) channels; palette and
// 16-bit expanded and reduced. Throws Error(data).
Image decode_png(const std::filesystem::path& file, ByteView bytes);

// 1 or 3 channels. Any warning of the decoder is an error: what it would
// return is partly grey. Throws Error(data).
Image decode_jpeg(const std::filesystem::path& file, ByteView bytes);

// Throws Error(data) above 2^28 pixels, and where `num_bytes` of file cannot
// hold that many at `max_pixels_per_byte`.
void check_picture_size(const std::filesystem::path& file, std::uint64_t width,
                        std::uint64_t height, std::uint64_t num_bytes,
                        std::uint64_t max_pixels_per_byte);

}  // namespace shalab::io
