#pragma once
// The JSON header of a safetensors file, read as what it is: text from a
// stranger.
//
//   {"__metadata__": {name: text, ...},
//    name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shalab::io {

inline constexpr const char* kMetadata = "__metadata__";

struct TensorEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // bytes from the end of the header
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  // by begin, then by end
  std::map<std::string, std::string> metadata;
};

// Form only: exactly the structure above, no key twice, no other key, no
// number that is no unsigned 63-bit integer, at most 32 dimensions, nothing
// after the object but spaces. Whether the entries fit each other and the file
// is not checked. Throws Error(data) "<where>: ...".
SafetensorsHeader parse_safetensors_header(const std::filesystem::path& where,
                                           std::string_view text);

}  // namespace shalab::io
