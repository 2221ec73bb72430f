#pragma once
// 8-bit pictures: PNG and JPEG in, PNG out.

#include <cstdint>
#include <filesystem>
#include <vector>

namespace shalab::io {

// Interleaved rows, top row first: pixels[(y * width + x) * channels + c].
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;  // 1 or 3
  std::vector<std::uint8_t> pixels;
};

// By content, not by file name. Palette, 16-bit, alpha (over white) and grey
// are converted to `channels` (1 or 3; 0 keeps grey as 1, all else as 3).
// Throws Error(data) naming the file and what is wrong; images above 2^28
// pixels are refused.
Image read_image(const std::filesystem::path& file, std::int64_t channels = 0);

// Throws Error(data) when the file cannot be written.
void write_png(const std::filesystem::path& file, const Image& image);

}  // namespace shalab::io
