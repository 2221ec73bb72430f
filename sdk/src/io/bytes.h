#pragma once
// Whole files as bytes, and the few operations on them that the readers of
// this folder share. Private to libshalab_base.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shalab::io {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

// Deflate cannot expand a byte into more than 1032; a declared size above that
// is a lie and is refused before memory is asked for.
inline constexpr std::uint64_t kMaxDeflateRatio = 1032;

// Throws Error(data) "<file>: <message>".
[[noreturn]] void fail(const std::filesystem::path& file,
                       const std::string& message,
                       const std::string& hint = "");

Bytes read_bytes(const std::filesystem::path& file);

// Written beside, synced and renamed: a reader sees the old file or the new.
// A target that is no regular file (a pipe, a terminal) is written in place.
void write_bytes(const std::filesystem::path& file, ByteView bytes);

std::uint32_t little_u16(ByteView bytes, std::size_t at);
std::uint32_t little_u32(ByteView bytes, std::size_t at);
std::uint32_t big_u32(ByteView bytes, std::size_t at);
void append_u16(Bytes& out, std::uint32_t value);
void append_u32(Bytes& out, std::uint32_t value);
void append(Bytes& out, ByteView bytes);
void append(Bytes& out, const std::string& text);

enum class Deflate { gzip, raw };

// The one deflate stream that `bytes` is, of at most `max_size` bytes when
// unpacked. Throws Error(data): damaged, truncated, trailing bytes, too long.
Bytes inflate_bytes(const std::filesystem::path& file, ByteView bytes,
                    Deflate kind, std::uint64_t max_size);

// Product of the shape times `element_size`; nothing when a dimension is
// negative or the product, zeros left out, does not fit 63 bits.
std::optional<std::uint64_t> byte_count(const std::vector<std::int64_t>& shape,
                                        std::size_t element_size);

}  // namespace shalab::io
