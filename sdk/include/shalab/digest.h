#pragma once
// A 64-bit digest that tells data and weights apart. Not against forgery.

#include <cstddef>
#include <cstdint>
#include <string>

namespace shalab {

// FNV-1a taken over mixed 8-byte words instead of bytes, for speed. Equal
// pieces in equal order give equal text on every little-endian machine. The
// cut into pieces counts: add("ab") is not add("a"), add("b").
class Digest64 {
 public:
  Digest64& add(const void* bytes, std::size_t size);
  Digest64& add(const std::string& text);
  // 16 lower-case hexadecimal digits; more may be added afterwards.
  std::string hex() const;

 private:
  std::uint64_t state_ = 0xCBF2'9CE4'8422'2325ULL;
};

}  // namespace shalab
