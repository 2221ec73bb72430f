#include "safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "shalab/error.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

using nlohmann::json;

constexpr std::size_t kMaxDimensions = 32;

// The library keeps the last of equal keys and has no depth limit, so the
// events are checked one by one: level 1 is the file's object, level 2 an
// entry, level 3 an array of one.
class HeaderEvents : public nlohmann::json_sax<json> {
 public:
  SafetensorsHeader header;
  std::string problem;

  bool start_object(std::size_t) override {
    if (level_ == 0) return enter();
    if (level_ != 1) return refuse("an object too deep");
    entry_keys_.clear();
    if (!is_metadata_) header.tensors.push_back({key_, {}, {}, 0, 0});
    return enter();
  }

  bool end_object() override {
    --level_;
    if (level_ != 1 || is_metadata_) return true;
    if (entry_keys_.size() != 3) {
      return refuse("dtype, shape or data_offsets is missing");
    }
    return true;
  }

  bool key(string_t& name) override {
    key_ = name;
    if (level_ == 1) {
      is_metadata_ = name == kMetadata;
      entry_ = name;
      return names_.insert(name).second || refuse("stands there twice");
    }
    if (!is_metadata_ && name != "dtype" && name != "shape" &&
        name != "data_offsets") {
      return refuse("unknown key '" + name + "'");
    }
    return entry_keys_.insert(name).second ||
           refuse("'" + name + "' stands there twice");
  }

  bool string(string_t& text) override {
    if (level_ == 2 && is_metadata_) {
      header.metadata[key_] = text;
      return true;
    }
    if (level_ != 2 || key_ != "dtype") return refuse("a text is out of place");
    header.tensors.back().dtype = text;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != 2 || is_metadata_ || key_ == "dtype") {
      return refuse("an array is out of place");
    }
    num_offsets_ = 0;
    return enter();
  }

  bool end_array() override {
    --level_;
    if (key_ == "data_offsets" && num_offsets_ != 2) {
      return refuse("data_offsets must be two numbers");
    }
    return true;
  }

  bool number_unsigned(number_unsigned_t number) override {
    if (level_ != 3) return refuse("a number is out of place");
    if (number > static_cast<number_unsigned_t>(INT64_MAX)) {
      return refuse("a number above 2^63 - 1");
    }
    return key_ == "shape" ? take_dimension(static_cast<std::int64_t>(number))
                           : take_offset(number);
  }

  bool null() override { return refuse("null is out of place"); }
  bool boolean(bool) override {
    return refuse("a truth value is out of place");
  }
  bool number_integer(number_integer_t) override {
    return refuse("a negative number");
  }
  bool number_float(number_float_t, const string_t& text) override {
    return refuse(text + " is not an unsigned integer");
  }
  bool binary(binary_t&) override { return refuse("binary data"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem = "not JSON at byte " + std::to_string(position);
    return false;
  }

 private:
  bool enter() {
    ++level_;
    return true;
  }

  bool refuse(const std::string& what) {
    problem = entry_.empty() ? what : "'" + entry_ + "': " + what;
    return false;
  }

  bool take_dimension(std::int64_t size) {
    auto& shape = header.tensors.back().shape;
    if (shape.size() == kMaxDimensions) return refuse("above 32 dimensions");
    shape.push_back(size);
    return true;
  }

  bool take_offset(std::uint64_t offset) {
    TensorEntry& tensor = header.tensors.back();
    (num_offsets_ == 0 ? tensor.begin : tensor.end) = offset;
    return ++num_offsets_ <= 2 || refuse("data_offsets must be two numbers");
  }

  int level_ = 0;
  bool is_metadata_ = false;
  int num_offsets_ = 0;
  std::string entry_;
  std::string key_;
  std::set<std::string> names_;
  std::set<std::string> entry_keys_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(const fs::path& where,
                                           std::string_view text) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::data,
                where.string() + ": safetensors header: " + what);
  };
  const std::size_t last = text.find_last_not_of(' ');
  if (text.empty() || text.front() != '{' || text[last] != '}') {
    refuse("must begin with { and end with } and spaces");
  }
  text = text.substr(0, last + 1);
  // The library takes a NUL for the end of the text.
  if (text.find('\0') != std::string_view::npos) refuse("holds a NUL byte");
  HeaderEvents events;
  if (!json::sax_parse(text.begin(), text.end(), &events)) {
    refuse(events.problem);
  }
  auto& tensors = events.header.tensors;
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  return std::move(events.header);
}

}  // namespace shalab::io
