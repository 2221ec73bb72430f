#include "npy_header.h"

#include <charconv>
#include <set>

#include "bytes.h"

namespace shalab::io {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxDimensions = 32;

class HeaderParser {
 public:
  HeaderParser(const fs::path& where, std::string_view text)
      : where_(where), text_(text) {}

  NpyHeader parse() {
    expect('{');
    while (!accept('}')) {
      parse_entry();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) refuse("text follows the closing brace");
    if (seen_.size() != 3) {
      refuse("one of 'descr', 'fortran_order', 'shape' is missing");
    }
    return header_;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail(where_, "npy header, character " + std::to_string(at_) + ": " + what);
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) {
      ++at_;
    }
  }

  bool accept(char expected) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }

  void expect(char expected) {
    if (!accept(expected)) refuse(std::string("'") + expected + "' expected");
  }

  bool accept_word(std::string_view word) {
    skip_spaces();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  std::string parse_string() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) refuse("a string does not end");
    const std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }

  bool parse_bool() {
    if (accept_word("True")) return true;
    if (accept_word("False")) return false;
    refuse("True or False expected");
  }

  std::int64_t parse_dimension() {
    skip_spaces();
    std::int64_t value = -1;
    const char* const begin = text_.data() + at_;
    const auto [end, error] =
        std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc{} || value < 0) {
      refuse("a dimension from 0 to 2^63 - 1 expected");
    }
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  std::vector<std::int64_t> parse_shape() {
    std::vector<std::int64_t> shape;
    expect('(');
    while (!accept(')')) {
      if (shape.size() == kMaxDimensions) refuse("more than 32 dimensions");
      shape.push_back(parse_dimension());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

  void parse_entry() {
    const std::string key = parse_string();
    if (!seen_.insert(key).second) refuse("'" + key + "' stands there twice");
    expect(':');
    if (key == "descr") {
      header_.descr = parse_string();
    } else if (key == "fortran_order") {
      header_.is_fortran_order = parse_bool();
    } else if (key == "shape") {
      header_.shape = parse_shape();
    } else {
      refuse("unknown key");
    }
  }

  const fs::path& where_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::set<std::string> seen_;
  NpyHeader header_;
};

}  // namespace

NpyHeader parse_npy_header(const fs::path& where, std::string_view text) {
  return HeaderParser(where, text).parse();
}

}  // namespace shalab::io
