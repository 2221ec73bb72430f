#include <zlib.h>

#include "zip_format.h"

namespace shalab::io {

namespace {

constexpr std::uint32_t kVersion = 20;        // 2.0: folders, deflate
constexpr std::uint32_t kDate = 1 << 5 | 1;   // 1980-01-01
constexpr std::uint64_t kLimit = 0xffffffff;  // zip64 begins here
constexpr std::uint32_t kMaxMembers = 0xffff;

// Bytes 6 to 29 of a local header, 8 to 31 of a central one.
void append_common(Bytes& out, std::uint32_t crc, std::uint32_t size,
                   const std::string& name) {
  append_u16(out, 0);  // flags
  append_u16(out, kZipStored);
  append_u16(out, 0);  // midnight
  append_u16(out, kDate);
  append_u32(out, crc);
  append_u32(out, size);
  append_u32(out, size);
  append_u16(out, static_cast<std::uint32_t>(name.size()));
  append_u16(out, 0);  // extra
}

}  // namespace

void ZipWriter::add(const std::string& name, ByteView contents) {
  if (contents.size() >= kLimit ||
      out_.size() + contents.size() + directory_.size() + 2 * name.size() +
              256 >=
          kLimit ||
      num_members_ + 1 >= kMaxMembers || name.size() >= 0xffff) {
    fail(file_, "'" + name + "' would make the file need zip64",
         "write fewer or smaller arrays, or .npy files");
  }
  const auto crc = static_cast<std::uint32_t>(crc32_z(
      0, reinterpret_cast<const Bytef*>(contents.data()), contents.size()));
  const auto size = static_cast<std::uint32_t>(contents.size());
  append_u32(directory_, kZipCentralMagic);
  append_u16(directory_, kVersion);
  append_u16(directory_, kVersion);
  append_common(directory_, crc, size, name);
  append_u16(directory_, 0);  // comment
  append_u16(directory_, 0);  // disk
  append_u16(directory_, 0);  // internal attributes
  append_u32(directory_, 0);  // external attributes
  append_u32(directory_, static_cast<std::uint32_t>(out_.size()));
  append(directory_, name);
  append_u32(out_, kZipLocalMagic);
  append_u16(out_, kVersion);
  append_common(out_, crc, size, name);
  append(out_, name);
  append(out_, contents);
  ++num_members_;
}

Bytes ZipWriter::finish() {
  const auto begin = static_cast<std::uint32_t>(out_.size());
  append(out_, directory_);
  append_u32(out_, kZipEndMagic);
  append_u32(out_, 0);  // disks
  append_u16(out_, num_members_);
  append_u16(out_, num_members_);
  append_u32(out_, static_cast<std::uint32_t>(directory_.size()));
  append_u32(out_, begin);
  append_u16(out_, 0);  // comment
  return std::move(out_);
}

}  // namespace shalab::io
