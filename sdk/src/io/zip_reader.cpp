#include <zlib.h>

#include <algorithm>
#include <set>

#include "zip_format.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kMaxComment = 0xffff;
constexpr std::uint32_t kEncrypted = 1;
constexpr std::uint32_t kZip64 = 0xffffffff;

std::size_t find_end_record(const fs::path& file, ByteView bytes) {
  if (bytes.size() < kEndSize) fail(file, "not a zip file: too short");
  const std::size_t last = bytes.size() - kEndSize;
  const std::size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (little_u32(bytes, at) == kZipEndMagic &&
        at + kEndSize + little_u16(bytes, at + 20) == bytes.size()) {
      return at;
    }
  }
  fail(file, "not a zip file, or truncated: no directory at its end");
}

ZipMember parse_central(const fs::path& file, ByteView directory,
                        std::size_t* at) {
  if (directory.size() - *at < kCentralSize ||
      little_u32(directory, *at) != kZipCentralMagic) {
    fail(file, "the zip directory is damaged");
  }
  const ByteView entry = directory.subspan(*at);
  const std::size_t name_size = little_u16(entry, 28);
  const std::size_t whole =
      kCentralSize + name_size + little_u16(entry, 30) + little_u16(entry, 32);
  if (whole > entry.size()) fail(file, "the zip directory is damaged");
  *at += whole;
  ZipMember member;
  member.name.assign(reinterpret_cast<const char*>(entry.data()) + kCentralSize,
                     name_size);
  member.method = little_u16(entry, 10);
  member.crc = little_u32(entry, 16);
  member.packed_size = little_u32(entry, 20);
  member.size = little_u32(entry, 24);
  member.local_begin = little_u32(entry, 42);
  if (little_u16(entry, 8) & kEncrypted) {
    fail(file, "member '" + member.name + "' is encrypted");
  }
  return member;
}

void check_member(const fs::path& file, const ZipMember& member) {
  const std::string name = "member '" + member.name + "'";
  if (member.packed_size == kZip64 || member.size == kZip64 ||
      member.local_begin == kZip64) {
    fail(file, name + " needs zip64, which is not supported",
         "split it into files below 4 GiB, or save .npy files");
  }
  if (member.method != kZipStored && member.method != kZipDeflated) {
    fail(file, name + " uses compression method " +
                   std::to_string(member.method) +
                   "; stored (0) or deflated (8) expected");
  }
  if (member.method == kZipStored && member.packed_size != member.size) {
    fail(file, name + " is stored but its two sizes differ");
  }
  if (member.size > member.packed_size * kMaxDeflateRatio + 64) {
    fail(file, name + " says it unpacks to " + std::to_string(member.size) +
                   " bytes, more than its packed size can hold");
  }
}

void locate_data(const fs::path& file, ByteView bytes, std::size_t end,
                 ZipMember* member) {
  const std::string name = "member '" + member->name + "'";
  if (end < kLocalSize || member->local_begin > end - kLocalSize ||
      little_u32(bytes, member->local_begin) != kZipLocalMagic) {
    fail(file, name + " is not where the zip directory says");
  }
  const ByteView local = bytes.subspan(member->local_begin, kLocalSize);
  const std::size_t name_size = little_u16(local, 26);
  member->data_begin =
      member->local_begin + kLocalSize + name_size + little_u16(local, 28);
  if (member->data_begin > end ||
      member->packed_size > end - member->data_begin) {
    fail(file, name + " leaves the file: it is truncated or damaged");
  }
  const std::string local_name(reinterpret_cast<const char*>(bytes.data()) +
                                   member->local_begin + kLocalSize,
                               name_size);
  if (local_name != member->name || little_u16(local, 8) != member->method) {
    fail(file, name + ": local and central zip headers disagree");
  }
}

void check_together(const fs::path& file,
                    const std::vector<ZipMember>& members) {
  std::set<std::string> names;
  std::vector<const ZipMember*> sorted;
  for (const ZipMember& member : members) {
    if (!names.insert(member.name).second) {
      fail(file, "member '" + member.name + "' stands there twice");
    }
    sorted.push_back(&member);
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return a->local_begin < b->local_begin;
  });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const ZipMember& before = *sorted[i - 1];
    if (before.data_begin + before.packed_size > sorted[i]->local_begin) {
      fail(file, "members '" + before.name + "' and '" + sorted[i]->name +
                     "' overlap");
    }
  }
}

}  // namespace

std::vector<ZipMember> read_zip_directory(const fs::path& file,
                                          ByteView bytes) {
  const std::size_t end = find_end_record(file, bytes);
  const std::uint32_t count = little_u16(bytes, end + 10);
  const std::uint32_t size = little_u32(bytes, end + 12);
  const std::uint32_t begin = little_u32(bytes, end + 16);
  if (count == 0xffff || size == kZip64 || begin == kZip64) {
    fail(file, "zip64 is not supported",
         "split it into files below 4 GiB, or save .npy files");
  }
  if (little_u32(bytes, end + 4) != 0 || little_u16(bytes, end + 8) != count) {
    fail(file, "a zip file over several disks is not supported");
  }
  if (std::uint64_t{begin} + size != end) {
    fail(file, "the zip directory does not end where the file says");
  }
  const ByteView directory = bytes.subspan(begin, size);
  std::vector<ZipMember> members;
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    members.push_back(parse_central(file, directory, &at));
    check_member(file, members.back());
    locate_data(file, bytes, begin, &members.back());
  }
  if (at != size) fail(file, "the zip directory has trailing bytes");
  check_together(file, members);
  return members;
}

Bytes read_zip_member(const fs::path& file, ByteView bytes,
                      const ZipMember& member) {
  const ByteView packed = bytes.subspan(member.data_begin, member.packed_size);
  Bytes contents;
  if (member.method == kZipStored) {
    contents.assign(packed.begin(), packed.end());
  } else {
    contents = inflate_bytes(file, packed, Deflate::raw, member.size);
  }
  if (contents.size() != member.size) {
    fail(file, "member '" + member.name + "' unpacks to " +
                   std::to_string(contents.size()) + " bytes, " +
                   std::to_string(member.size) + " expected");
  }
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(contents.data()),
                           contents.size());
  if (crc != member.crc) {
    fail(file, "member '" + member.name + "' is damaged: its CRC-32 differs");
  }
  return contents;
}

}  // namespace shalab::io
