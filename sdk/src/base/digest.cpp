#include "shalab/digest.h"

#include <cstring>

namespace shalab {

namespace {

constexpr std::uint64_t kPrime = 0x0000'0100'0000'01B3ULL;

std::uint64_t mixed(std::uint64_t value) {
  value ^= value >> 32;
  value *= 0xD6E8'FEB8'6659'FD93ULL;
  return value ^ (value >> 32);
}

}  // namespace

Digest64& Digest64::add(const void* bytes, std::size_t size) {
  const auto* next = static_cast<const unsigned char*>(bytes);
  std::size_t left = size;
  for (; left >= 8; left -= 8, next += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, next, 8);
    state_ = (state_ ^ mixed(word)) * kPrime;
  }
  for (; left > 0; --left, ++next) state_ = (state_ ^ *next) * kPrime;
  state_ = (state_ ^ mixed(size + 1)) * kPrime;
  return *this;
}

Digest64& Digest64::add(const std::string& text) {
  return add(text.data(), text.size());
}

std::string Digest64::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::uint64_t value = mixed(state_);
  std::string text(16, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit) {
    *digit = kDigits[value & 15U];
    value >>= 4;
  }
  return text;
}

}  // namespace shalab
