#include "shalab/io/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>

#include "safetensors_header.h"
#include "shalab/error.h"

namespace shalab::io {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little,
              "tensors are written as they lie in memory");

namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;
constexpr std::size_t kLengthSize = 8;
constexpr std::size_t kAlignment = 8;

struct TypeName {
  std::string_view name;
  at::ScalarType type;
};

constexpr std::array<TypeName, 10> kTypes = {{{"F64", at::kDouble},
                                              {"F32", at::kFloat},
                                              {"F16", at::kHalf},
                                              {"BF16", at::kBFloat16},
                                              {"I64", at::kLong},
                                              {"I32", at::kInt},
                                              {"I16", at::kShort},
                                              {"I8", at::kChar},
                                              {"U8", at::kByte},
                                              {"BOOL", at::kBool}}};

[[noreturn]] void fail(const fs::path& file, const std::string& what) {
  throw Error(ErrorKind::data, file.string() + ": " + what);
}

std::string_view name_of(const std::string& tensor, at::ScalarType type) {
  for (const TypeName& known : kTypes) {
    if (known.type == type) return known.name;
  }
  throw Error(ErrorKind::run, "tensor '" + tensor + "' of type " +
                                  c10::toString(type) +
                                  " cannot be written as safetensors");
}

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

// Wide elements first, so that without gaps each tensor is aligned.
std::vector<NamedTensor> in_file_order(
    const std::map<std::string, at::Tensor>& tensors) {
  std::vector<NamedTensor> sorted;
  for (const auto& [name, tensor] : tensors) {
    SHALAB_CHECK(tensor.defined(), "tensor '" + name + "' is undefined");
    SHALAB_CHECK(name != kMetadata, "a tensor may not be named __metadata__");
    sorted.push_back({name, tensor.detach().to(at::kCPU).contiguous()});
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const NamedTensor& a, const NamedTensor& b) {
                     return a.tensor.itemsize() > b.tensor.itemsize();
                   });
  return sorted;
}

std::string format_header(const std::vector<NamedTensor>& tensors,
                          const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  std::uint64_t begin = 0;
  for (const NamedTensor& named : tensors) {
    const std::uint64_t end = begin + named.tensor.nbytes();
    header[named.name] = {
        {"dtype", name_of(named.name, named.tensor.scalar_type())},
        {"shape", named.tensor.sizes().vec()},
        {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::run, "a tensor name or a text is not UTF-8");
  }
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  return text;
}

const TypeName& type_of(const fs::path& file, const TensorEntry& entry) {
  for (const TypeName& known : kTypes) {
    if (known.name == entry.dtype) return known;
  }
  fail(file, "tensor '" + entry.name + "' has the unknown dtype '" +
                 entry.dtype + "'");
}

// Overflow is judged as if no dimension were 0, so that strides fit too.
std::uint64_t bytes_of(const fs::path& file, const TensorEntry& entry,
                       std::size_t element_size) {
  std::int64_t count = static_cast<std::int64_t>(element_size);
  bool is_empty = false;
  for (const std::int64_t size : entry.shape) {
    is_empty = is_empty || size == 0;
    if (__builtin_mul_overflow(count, std::max<std::int64_t>(size, 1),
                               &count)) {
      fail(file, "the shape of tensor '" + entry.name + "' overflows");
    }
  }
  return is_empty ? 0 : static_cast<std::uint64_t>(count);
}

void check_layout(const fs::path& file, const SafetensorsHeader& header,
                  std::uint64_t data_size) {
  std::uint64_t at = 0;
  for (const TensorEntry& entry : header.tensors) {
    const std::string tensor = "tensor '" + entry.name + "'";
    const std::uint64_t expected =
        bytes_of(file, entry, c10::elementSize(type_of(file, entry).type));
    if (entry.begin != at) {
      fail(file, tensor + " begins at " + std::to_string(entry.begin) +
                     ", but the one before it ends at " + std::to_string(at));
    }
    if (entry.end < entry.begin || entry.end > data_size) {
      fail(file, tensor + " ends at " + std::to_string(entry.end) + " of " +
                     std::to_string(data_size) + " bytes");
    }
    if (entry.end - entry.begin != expected) {
      fail(file, tensor + " has " + std::to_string(entry.end - entry.begin) +
                     " bytes, its shape asks for " + std::to_string(expected));
    }
    at = entry.end;
  }
  if (at != data_size) {
    fail(file,
         std::to_string(data_size - at) + " bytes follow the last tensor");
  }
}

class Reader {
 public:
  explicit Reader(const fs::path& file)
      : file_(file), stream_(file, std::ios::binary) {
    std::error_code error;
    size_ = fs::file_size(file, error);
    if (error) fail(file, "cannot read: " + error.message());
    if (!stream_) fail(file, std::string("cannot open: ") + strerror(errno));
  }

  std::uint64_t size() const { return size_; }

  void read(void* out, std::uint64_t count) {
    stream_.read(static_cast<char*>(out), static_cast<std::streamsize>(count));
    if (static_cast<std::uint64_t>(stream_.gcount()) != count) {
      fail(file_, "the file became shorter while it was read");
    }
  }

 private:
  const fs::path& file_;
  std::ifstream stream_;
  std::uint64_t size_ = 0;
};

std::string read_header_text(const fs::path& file, Reader& reader) {
  if (reader.size() < kLengthSize) {
    fail(file, "not a safetensors file: shorter than 8 bytes");
  }
  std::uint64_t length = 0;
  reader.read(&length, kLengthSize);
  if (length > kMaxHeader || length > reader.size() - kLengthSize) {
    fail(file, "not a safetensors file, or truncated: the header says it has " +
                   std::to_string(length) + " bytes");
  }
  std::string text(length, '\0');
  reader.read(text.data(), length);
  return text;
}

at::Tensor read_tensor(const fs::path& file, const TensorEntry& entry,
                       Reader& reader) {
  const at::ScalarType type = type_of(file, entry).type;
  const std::uint64_t size = entry.end - entry.begin;
  if (type != at::kBool) {
    at::Tensor tensor = at::empty(entry.shape, type);
    if (size > 0) reader.read(tensor.data_ptr(), size);
    return tensor;
  }
  at::Tensor bytes = at::empty(entry.shape, at::kByte);
  if (size > 0) reader.read(bytes.data_ptr(), size);
  if (bytes.gt(1).any().item<bool>()) {
    fail(file, "tensor '" + entry.name +
                   "' holds a truth value that is neither 0 nor 1");
  }
  return bytes.to(at::kBool);
}

}  // namespace

void write_safetensors(const fs::path& file,
                       const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<NamedTensor> sorted = in_file_order(tensors);
  const std::string header = format_header(sorted, metadata);
  const std::uint64_t length = header.size();
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  if (!stream) fail(file, std::string("cannot open: ") + strerror(errno));
  stream.write(reinterpret_cast<const char*>(&length), kLengthSize);
  stream << header;
  for (const NamedTensor& named : sorted) {
    stream.write(static_cast<const char*>(named.tensor.const_data_ptr()),
                 static_cast<std::streamsize>(named.tensor.nbytes()));
  }
  stream.close();
  if (!stream) fail(file, std::string("cannot write: ") + strerror(errno));
}

Safetensors read_safetensors(const fs::path& file) {
  Reader reader(file);
  const std::string text = read_header_text(file, reader);
  SafetensorsHeader header = parse_safetensors_header(file, text);
  check_layout(file, header, reader.size() - kLengthSize - text.size());
  Safetensors result;
  for (const TensorEntry& entry : header.tensors) {
    result.tensors.emplace(entry.name, read_tensor(file, entry, reader));
  }
  result.metadata = std::move(header.metadata);
  return result;
}

}  // namespace shalab::io
