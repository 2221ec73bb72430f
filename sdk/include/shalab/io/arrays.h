#pragma once
// Arrays as files keep them: npy, npz, IDX. No LibTorch; `io/tensors.h` turns
// them into tensors and back.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace shalab::io {

enum class ElementType { u8, i32, i64, f32, f64, boolean };
std::size_t element_size(ElementType type);

// Row-major (C order) numbers. bytes.size() == product(shape) * element size.
struct Array {
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  std::int64_t numel() const;
};

using NamedArrays = std::map<std::string, Array>;

// All readers throw Error(data) that names the file, what was expected and
// what was found: missing, truncated, trailing bytes, wrong magic, unknown
// dtype, Fortran order (converted, not refused), a shape whose product
// overflows or disagrees with the size. They never read past the file.

// MNIST's IDX format, gzip-compressed or plain; u8 only, 1 to 4 dimensions.
Array read_idx(const std::filesystem::path& file);

Array read_npy(const std::filesystem::path& file);
void write_npy(const std::filesystem::path& file, const Array& array);

// Members stored or deflated; a member "a.npy" is named "a". Zip64 refused.
// Writing stores members uncompressed (numpy.load reads them).
NamedArrays read_npz(const std::filesystem::path& file);
void write_npz(const std::filesystem::path& file, const NamedArrays& arrays);

}  // namespace shalab::io
