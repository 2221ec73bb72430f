#include "bytes.h"
#include "shalab/io/arrays.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMaxUnpacked = std::uint64_t{1} << 32;
constexpr std::uint32_t kUnsignedByte = 0x08;
constexpr std::uint32_t kMaxDimensions = 4;

bool is_gzip(ByteView bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} &&
         bytes[1] == std::byte{0x8b};
}

std::uint32_t checked_dimensions(const fs::path& file, ByteView bytes) {
  if (bytes.size() < 4) {
    fail(file, "not an IDX file: " + std::to_string(bytes.size()) +
                   " bytes, the magic number alone needs 4");
  }
  const std::uint32_t magic = big_u32(bytes, 0);
  if (magic >> 16 != 0) fail(file, "not an IDX file: wrong magic number");
  if ((magic >> 8 & 0xff) != kUnsignedByte) {
    fail(file, "IDX element type " + std::to_string(magic >> 8 & 0xff) +
                   " found, 8 (unsigned byte) expected");
  }
  const std::uint32_t dimensions = magic & 0xff;
  if (dimensions < 1 || dimensions > kMaxDimensions) {
    fail(file,
         std::to_string(dimensions) + " dimensions found, 1 to 4 expected");
  }
  return dimensions;
}

}  // namespace

Array read_idx(const fs::path& file) {
  Bytes bytes = read_bytes(file);
  if (is_gzip(bytes)) {
    bytes = inflate_bytes(file, bytes, Deflate::gzip, kMaxUnpacked);
  }
  const std::uint32_t dimensions = checked_dimensions(file, bytes);
  const std::size_t header = 4 + 4 * dimensions;
  if (bytes.size() < header) fail(file, "the IDX header is truncated");
  Array array{.type = ElementType::u8, .shape = {}, .bytes = {}};
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    array.shape.push_back(big_u32(bytes, 4 + 4 * i));
  }
  const auto expected = byte_count(array.shape, 1);
  if (!expected) fail(file, "the product of the IDX shape overflows");
  if (*expected != bytes.size() - header) {
    fail(file, "the IDX shape asks for " + std::to_string(*expected) +
                   " bytes, " + std::to_string(bytes.size() - header) +
                   " follow the header");
  }
  array.bytes.assign(bytes.begin() + static_cast<std::ptrdiff_t>(header),
                     bytes.end());
  return array;
}

}  // namespace shalab::io
