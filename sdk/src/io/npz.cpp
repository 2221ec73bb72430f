#include <string_view>

#include "npy_format.h"
#include "zip_format.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSuffix = ".npy";

}  // namespace

NamedArrays read_npz(const fs::path& file) {
  const Bytes bytes = read_bytes(file);
  NamedArrays arrays;
  for (const ZipMember& member : read_zip_directory(file, bytes)) {
    std::string_view name = member.name;
    if (!name.ends_with(kSuffix)) {
      fail(file, "member '" + member.name +
                     "' is not an array: it does not "
                     "end in .npy");
    }
    name.remove_suffix(kSuffix.size());
    const fs::path where = file.string() + ": " + member.name;
    arrays.emplace(name,
                   parse_npy(where, read_zip_member(file, bytes, member)));
  }
  return arrays;
}

void write_npz(const fs::path& file, const NamedArrays& arrays) {
  ZipWriter writer(file);
  for (const auto& [name, array] : arrays) {
    writer.add(name + std::string(kSuffix), format_npy(array));
  }
  write_bytes(file, writer.finish());
}

}  // namespace shalab::io
