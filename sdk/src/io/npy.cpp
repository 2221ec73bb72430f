#include <algorithm>
#include <array>
#include <string_view>

#include "npy_format.h"
#include "npy_header.h"
#include "shalab/error.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kPreamble = 8;    // magic and version
constexpr std::size_t kAlignment = 64;  // of the data, as numpy writes it
constexpr std::size_t kMaxHeader = 1 << 16;

struct TypeName {
  ElementType type;
  std::string_view descr;
};

constexpr std::array<TypeName, 6> kTypes = {{{ElementType::u8, "|u1"},
                                             {ElementType::i32, "<i4"},
                                             {ElementType::i64, "<i8"},
                                             {ElementType::f32, "<f4"},
                                             {ElementType::f64, "<f8"},
                                             {ElementType::boolean, "|b1"}}};

ElementType type_of(const fs::path& where, const std::string& descr) {
  for (const TypeName& name : kTypes) {
    if (name.descr == descr) return name.type;
  }
  fail(where, "npy element type '" + descr + "' is not supported",
       "save it as uint8, int32, int64, float32, float64 or bool, "
       "little-endian: array.astype('<f4')");
}

std::string_view descr_of(ElementType type) {
  for (const TypeName& name : kTypes) {
    if (name.type == type) return name.descr;
  }
  SHALAB_CHECK(false, "unknown element type");
}

std::string_view checked_header(const fs::path& where, ByteView bytes,
                                std::size_t* data_begin) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              bytes.size());
  if (!text.starts_with(kMagic)) fail(where, "not an npy file: wrong magic");
  if (text.size() < kPreamble + 4) fail(where, "the npy header is truncated");
  const int major = static_cast<unsigned char>(text[6]);
  const int minor = static_cast<unsigned char>(text[7]);
  if (major < 1 || major > 3 || minor != 0) {
    fail(where, "npy format version " + std::to_string(major) + "." +
                    std::to_string(minor) + " found, 1.0 to 3.0 expected");
  }
  const std::size_t length_size = major == 1 ? 2 : 4;
  const std::size_t length =
      major == 1 ? little_u16(bytes, kPreamble) : little_u32(bytes, kPreamble);
  const std::size_t begin = kPreamble + length_size;
  if (length > kMaxHeader || length > text.size() - begin) {
    fail(where, "the npy header says it has " + std::to_string(length) +
                    " bytes, which is more than there are");
  }
  *data_begin = begin + length;
  return text.substr(begin, length);
}

// Element i of the result, in row-major order, stands at sum of index *
// column-major stride in `data`.
Bytes from_fortran_order(ByteView data, const std::vector<std::int64_t>& shape,
                         std::size_t size) {
  const std::size_t rank = shape.size();
  std::vector<std::size_t> strides(rank, size);
  for (std::size_t d = 1; d < rank; ++d) {
    strides[d] = strides[d - 1] * static_cast<std::size_t>(shape[d - 1]);
  }
  Bytes out(data.size());
  std::vector<std::int64_t> index(rank, 0);
  std::size_t source = 0;
  for (std::size_t target = 0; target < out.size(); target += size) {
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(source), size,
                out.begin() + static_cast<std::ptrdiff_t>(target));
    for (std::size_t d = rank; d-- > 0;) {
      source += strides[d];
      if (++index[d] < shape[d]) break;
      source -= strides[d] * static_cast<std::size_t>(shape[d]);
      index[d] = 0;
    }
  }
  return out;
}

void check_booleans(const fs::path& where, const Array& array) {
  if (array.type != ElementType::boolean) return;
  if (std::any_of(array.bytes.begin(), array.bytes.end(),
                  [](std::byte b) { return b > std::byte{1}; })) {
    fail(where, "a bool element is neither 0 nor 1");
  }
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (const std::int64_t dimension : shape) {
    text += std::to_string(dimension) + ", ";
  }
  if (shape.size() > 1) text.resize(text.size() - 2);
  if (shape.size() == 1) text.resize(text.size() - 1);
  return text + ")";
}

}  // namespace

Array parse_npy(const fs::path& where, ByteView bytes) {
  std::size_t begin = 0;
  const NpyHeader header =
      parse_npy_header(where, checked_header(where, bytes, &begin));
  Array array{
      .type = type_of(where, header.descr), .shape = header.shape, .bytes = {}};
  const std::size_t size = element_size(array.type);
  const auto expected = byte_count(array.shape, size);
  if (!expected) fail(where, "the product of the npy shape overflows");
  const ByteView data = bytes.subspan(begin);
  if (data.size() != *expected) {
    fail(where, "npy shape " + shape_text(array.shape) + " of '" +
                    header.descr + "' asks for " + std::to_string(*expected) +
                    " bytes, " + std::to_string(data.size()) +
                    " follow the header");
  }
  if (header.is_fortran_order && array.shape.size() > 1) {
    array.bytes = from_fortran_order(data, array.shape, size);
  } else {
    array.bytes.assign(data.begin(), data.end());
  }
  check_booleans(where, array);
  return array;
}

Bytes format_npy(const Array& array) {
  const auto expected = byte_count(array.shape, element_size(array.type));
  SHALAB_CHECK(expected && *expected == array.bytes.size(),
               "shape " + shape_text(array.shape) + " with " +
                   std::to_string(array.bytes.size()) + " bytes");
  std::string header =
      "{'descr': '" + std::string(descr_of(array.type)) +
      "', 'fortran_order': False, 'shape': " + shape_text(array.shape) + ", }";
  const std::size_t used = kPreamble + 2 + header.size() + 1;
  header.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  header += '\n';
  SHALAB_CHECK(header.size() <= 0xffff, "the npy header has " +
                                            std::to_string(header.size()) +
                                            " bytes, 65535 is the most");
  Bytes out;
  out.reserve(kPreamble + 2 + header.size() + array.bytes.size());
  append(out, std::string(kMagic) + '\x01' + '\x00');
  append_u16(out, static_cast<std::uint32_t>(header.size()));
  append(out, header);
  append(out, array.bytes);
  return out;
}

Array read_npy(const fs::path& file) {
  return parse_npy(file, read_bytes(file));
}

void write_npy(const fs::path& file, const Array& array) {
  write_bytes(file, format_npy(array));
}

}  // namespace shalab::io
