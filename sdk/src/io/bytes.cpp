#include "bytes.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "shalab/error.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kChunk = std::size_t{1} << 30;

std::uint32_t byte_at(ByteView bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]);
}

void write_all(const fs::path& file, int descriptor, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t done =
        ::write(descriptor, bytes.data(), std::min(bytes.size(), kChunk));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(file, std::string("cannot write: ") + strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

void write_in_place(const fs::path& file, ByteView bytes, bool sync) {
  const int descriptor =
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    fail(file, std::string("cannot open for writing: ") + strerror(errno));
  }
  try {
    write_all(file, descriptor, bytes);
    if (sync && ::fsync(descriptor) != 0) {
      fail(file, std::string("cannot sync: ") + strerror(errno));
    }
  } catch (const Error&) {
    ::close(descriptor);
    throw;
  }
  if (::close(descriptor) != 0) {
    fail(file, std::string("cannot close: ") + strerror(errno));
  }
}

class Inflater {
 public:
  explicit Inflater(Deflate kind) {
    const int window_bits = kind == Deflate::gzip ? 15 + 16 : -15;
    ready_ = inflateInit2(&stream_, window_bits) == Z_OK;
  }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  bool is_finished() const { return status_ == Z_STREAM_END; }
  bool is_damaged() const {
    return status_ != Z_OK && status_ != Z_STREAM_END && status_ != Z_BUF_ERROR;
  }

  // Moves `input` and `output` past what was read and written.
  void step(ByteView& input, std::span<std::byte>& output) {
    const auto in = static_cast<uInt>(std::min(input.size(), kChunk));
    const auto out = static_cast<uInt>(std::min(output.size(), kChunk));
    stream_.next_in =
        reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    stream_.avail_in = in;
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = out;
    status_ = ::inflate(&stream_, Z_NO_FLUSH);
    input = input.subspan(in - stream_.avail_in);
    output = output.subspan(out - stream_.avail_out);
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  int status_ = Z_OK;
};

}  // namespace

void fail(const fs::path& file, const std::string& message,
          const std::string& hint) {
  throw Error(ErrorKind::data, file.string() + ": " + message, hint);
}

Bytes read_bytes(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) fail(file, "cannot read: " + error.message());
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail(file, std::string("cannot open: ") + strerror(errno));
  Bytes bytes(size);
  stream.read(reinterpret_cast<char*>(bytes.data()),
              static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(stream.gcount()) != size) {
    fail(file, "only " + std::to_string(stream.gcount()) + " of " +
                   std::to_string(size) + " bytes could be read");
  }
  return bytes;
}

void write_bytes(const fs::path& file, ByteView bytes) {
  std::error_code error;
  if (fs::exists(file, error) && !fs::is_regular_file(file, error)) {
    return write_in_place(file, bytes, false);
  }
  fs::path beside = file;
  beside += ".tmp-" + std::to_string(::getpid());
  try {
    write_in_place(beside, bytes, true);
    fs::rename(beside, file, error);
    if (error) fail(file, "cannot rename into place: " + error.message());
  } catch (const Error&) {
    fs::remove(beside, error);
    throw;
  }
}

std::uint32_t little_u16(ByteView bytes, std::size_t at) {
  return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8;
}

std::uint32_t little_u32(ByteView bytes, std::size_t at) {
  return little_u16(bytes, at) | little_u16(bytes, at + 2) << 16;
}

std::uint32_t big_u32(ByteView bytes, std::size_t at) {
  return byte_at(bytes, at) << 24 | byte_at(bytes, at + 1) << 16 |
         byte_at(bytes, at + 2) << 8 | byte_at(bytes, at + 3);
}

void append_u16(Bytes& out, std::uint32_t value) {
  out.push_back(static_cast<std::byte>(value & 0xff));
  out.push_back(static_cast<std::byte>(value >> 8 & 0xff));
}

void append_u32(Bytes& out, std::uint32_t value) {
  append_u16(out, value & 0xffff);
  append_u16(out, value >> 16);
}

void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append(Bytes& out, const std::string& text) {
  append(out, std::as_bytes(std::span(text)));
}

Bytes inflate_bytes(const fs::path& file, ByteView bytes, Deflate kind,
                    std::uint64_t max_size) {
  Inflater inflater(kind);
  if (!inflater.ready()) fail(file, "zlib could not be started");
  max_size =
      std::min<std::uint64_t>(max_size, bytes.size() * kMaxDeflateRatio + 64);
  Bytes out;
  std::size_t filled = 0;
  while (!inflater.is_finished()) {
    if (filled == out.size()) {
      out.resize(std::min<std::uint64_t>(
          max_size + 1, std::max(2 * filled, 4 * bytes.size() + 64)));
    }
    std::span<std::byte> rest = std::span(out).subspan(filled);
    inflater.step(bytes, rest);
    filled = out.size() - rest.size();
    if (inflater.is_damaged()) fail(file, "the compressed data are damaged");
    if (filled > max_size) {
      fail(file, "unpacks to more than " + std::to_string(max_size) +
                     " bytes, which is more than it may hold");
    }
    if (bytes.empty() && !rest.empty() && !inflater.is_finished()) {
      fail(file, "the compressed data are truncated");
    }
  }
  if (!bytes.empty()) {
    fail(file, std::to_string(bytes.size()) +
                   " bytes follow the end of the compressed data");
  }
  out.resize(filled);
  return out;
}

std::optional<std::uint64_t> byte_count(const std::vector<std::int64_t>& shape,
                                        std::size_t element_size) {
  std::uint64_t count = element_size;  // as if no dimension were 0
  bool is_empty = false;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    is_empty = is_empty || dimension == 0;
    const auto factor =
        static_cast<std::uint64_t>(std::max<std::int64_t>(dimension, 1));
    if (__builtin_mul_overflow(count, factor, &count)) return std::nullopt;
  }
  if (count > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return is_empty ? 0 : count;
}

}  // namespace shalab::io
