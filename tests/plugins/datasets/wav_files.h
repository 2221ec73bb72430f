#pragma once
// WAV files for tests.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace shalab {

struct WavFormat {
  std::uint32_t channels = 1;
  std::uint32_t rate = 8000;
};

// PCM of 16 bits: 44 bytes of header, then the samples as they are.
inline void write_wav(const std::filesystem::path& file,
                      const std::vector<std::int16_t>& samples,
                      const WavFormat& format = {}) {
  const auto number = [](std::uint32_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) {
      text += static_cast<char>((value >> (8 * i)) & 255U);
    }
    return text;
  };
  std::string data;
  for (const std::int16_t sample : samples) {
    data += number(static_cast<std::uint16_t>(sample), 2);
  }
  const auto size = static_cast<std::uint32_t>(data.size());
  const std::uint32_t frame = 2 * format.channels;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary)
      << "RIFF" << number(36 + size, 4) << "WAVEfmt " << number(16, 4)
      << number(1, 2) << number(format.channels, 2) << number(format.rate, 4)
      << number(format.rate * frame, 4) << number(frame, 2) << number(16, 2)
      << "data" << number(size, 4) << data;
}

}  // namespace shalab
