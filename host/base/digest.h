#pragma once
// SHA-256 (FIPS 180-4), as 64 lower-case hexadecimal digits.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace shalab {

// Takes the bytes in any pieces: update(a), update(b) equals update(a + b).
class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  // The digest of all bytes so far. Ends the object's use.
  std::string hex();

 private:
  void compress(const std::byte* block);

  std::array<std::uint32_t, 8> state_;
  std::array<std::byte, 64> pending_{};
  std::size_t num_pending_ = 0;
  std::uint64_t num_bytes_ = 0;
};

std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);

// Streams the file, so its size does not matter. Throws Error(data) naming
// the path when it cannot be read to its end.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace shalab
