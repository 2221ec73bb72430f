#pragma once
// The directory of a zip file, checked before any member is touched. Private
// to libshalab_base.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bytes.h"

namespace shalab::io {

inline constexpr std::uint32_t kZipLocalMagic = 0x04034b50;
inline constexpr std::uint32_t kZipCentralMagic = 0x02014b50;
inline constexpr std::uint32_t kZipEndMagic = 0x06054b50;
inline constexpr std::uint32_t kZipStored = 0;
inline constexpr std::uint32_t kZipDeflated = 8;

struct ZipMember {
  std::string name;
  std::uint32_t method = kZipStored;
  std::uint32_t crc = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t local_begin = 0;  // of the local header
  std::uint64_t data_begin = 0;
};

// In the order of the directory. Throws Error(data): no directory, zip64,
// several disks, encryption, another method, names that repeat, members that
// overlap or leave the file, local and central headers that disagree.
std::vector<ZipMember> read_zip_directory(const std::filesystem::path& file,
                                          ByteView bytes);

// Unpacked and checked against its CRC-32.
Bytes read_zip_member(const std::filesystem::path& file, ByteView bytes,
                      const ZipMember& member);

// Members stored, dated 1980-01-01: equal contents give equal bytes. Throws
// Error(data) where the file would need zip64 (4 GiB, 65,535 members).
class ZipWriter {
 public:
  explicit ZipWriter(std::filesystem::path file) : file_(std::move(file)) {}
  void add(const std::string& name, ByteView contents);
  Bytes finish();

 private:
  std::filesystem::path file_;
  Bytes out_;
  Bytes directory_;
  std::uint32_t num_members_ = 0;
};

}  // namespace shalab::io
