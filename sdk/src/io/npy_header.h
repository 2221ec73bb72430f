#pragma once
// The Python dict in the header of an npy file. Private to libshalab_base.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace shalab::io {

struct NpyHeader {
  std::string descr;
  bool is_fortran_order = false;
  std::vector<std::int64_t> shape;
};

// Accepts what numpy writes: the three keys in any order, each once, an
// optional last comma, trailing spaces and one newline. Throws Error(data).
NpyHeader parse_npy_header(const std::filesystem::path& where,
                           std::string_view text);

}  // namespace shalab::io
