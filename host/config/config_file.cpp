#include "config/config_file.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "shalab/error.h"

namespace shalab {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// Length of the UTF-8 sequence at the start of `text`; 0 when malformed.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
  std::uint32_t code = byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3FU);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < kSmallest[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool opens = i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t';
    if (line[i] == '#' && opens) return line.substr(0, i);
  }
  return line;
}

// Reads line by line; the state is the section that keys now belong to.
class Scanner {
 public:
  Scanner(const std::string& file, Origin::Kind kind)
      : file_(file), kind_(kind) {
    scanned_.layer.file = file;
  }

  void take(std::string_view raw) {
    ++line_;
    const std::string why = unwritable(raw);
    if (!why.empty()) refuse(why, "");
    const std::string line = trimmed(without_comment(raw));
    if (line.empty()) return;
    if (line.front() == '[') {
      open_section(line);
    } else if (line.front() == '~') {
      remove_section(trimmed(std::string_view(line).substr(1)));
    } else {
      take_entry(line);
    }
  }

  ScannedConfig finish() { return std::move(scanned_); }

 private:
  [[noreturn]] void refuse(const std::string& message,
                           const std::string& hint) const {
    shalab::refuse(here(), message, hint);
  }

  Origin here() const { return {kind_, file_, line_, ""}; }

  void check_section_name(const std::string& name) const {
    if (is_section_name(name)) return;
    refuse("'" + name + "' is no section name",
           "letters, digits, _ and -, in parts joined by dots: "
           "[fitted_prior.small]");
  }

  void open_section(const std::string& line) {
    if (line.back() != ']') {
      refuse("section header '" + line + "' does not end in ']'", "");
    }
    const std::string name =
        trimmed(std::string_view(line).substr(1, line.size() - 2));
    check_section_name(name);
    for (const ConfigSection& section : scanned_.layer.sections) {
      if (section.name != name) continue;
      refuse("section [" + name + "] repeats line " +
                 std::to_string(section.origin.line),
             "join the two sections");
    }
    scanned_.layer.sections.push_back({name, here(), {}});
    is_open_ = true;
  }

  void remove_section(const std::string& name) {
    check_section_name(name);
    for (const ConfigRemoval& removal : scanned_.layer.removals) {
      if (removal.section != name) continue;
      refuse(
          "~" + name + " repeats line " + std::to_string(removal.origin.line),
          "");
    }
    scanned_.layer.removals.push_back({name, here()});
    is_open_ = false;
  }

  void take_entry(const std::string& line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) {
      refuse("'" + line + "' is no section, no key = value and no comment",
             "write key = value, or [section]");
    }
    const std::string key = trimmed(std::string_view(line).substr(0, equals));
    const std::string text = trimmed(std::string_view(line).substr(equals + 1));
    if (key.empty()) refuse("the key before '=' is empty", "");
    if (!is_key_name(key)) {
      refuse("'" + key + "' is no key name",
             "letters, digits, _ and -; a section stands in [ ] above its "
             "keys");
    }
    if (is_open_) {
      add_entry({key, text, here()});
    } else {
      take_base(key, text);
    }
  }

  void add_entry(ConfigEntry entry) {
    ConfigSection& section = scanned_.layer.sections.back();
    for (const ConfigEntry& other : section.entries) {
      if (other.key != entry.key) continue;
      refuse("key '" + entry.key + "' of [" + section.name + "] repeats line " +
                 std::to_string(other.origin.line),
             "keep one of the two");
    }
    section.entries.push_back(std::move(entry));
  }

  void take_base(const std::string& key, const std::string& text) {
    if (key != "base") {
      refuse("key '" + key + "' stands in no section",
             "write its [section] on a line above");
    }
    if (!scanned_.base.empty()) {
      refuse("a second base; the first is on line " +
                 std::to_string(scanned_.base_origin.line),
             "a base may have a base of its own: chain them");
    }
    if (!scanned_.layer.sections.empty() || !scanned_.layer.removals.empty()) {
      refuse("base must stand above all sections", "");
    }
    if (text.empty()) refuse("base names no file", "");
    scanned_.base = text;
    scanned_.base_origin = here();
  }

  std::string file_;
  Origin::Kind kind_;
  int line_ = 0;
  bool is_open_ = false;
  ScannedConfig scanned_;
};

std::string file_text(const fs::path& path, const std::string& where) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path, error)) {
    throw Error(ErrorKind::usage,
                where + "cannot read config file " + path.string(),
                "check the path; a base is relative to the file naming it");
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string chain_text(const std::vector<fs::path>& chain) {
  std::string text;
  for (const fs::path& path : chain) {
    text += (text.empty() ? "" : " -> ") + path.string();
  }
  return text;
}

}  // namespace

std::string Origin::text() const {
  switch (kind) {
    case Kind::default_value:
      return "default";
    case Kind::command_line:
      return "command line";
    case Kind::base:
    case Kind::file:
      break;
  }
  return file + ":" + std::to_string(line);
}

std::string Origin::place() const {
  if (kind == Kind::command_line) return "argument '" + argument + "'";
  return text();
}

void refuse(const Origin& origin, const std::string& message,
            const std::string& hint) {
  throw Error(ErrorKind::usage, origin.place() + ": " + message, hint);
}

ScannedConfig scan_config(std::string_view text, const std::string& file,
                          Origin::Kind kind) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  Scanner scanner(file, kind);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    scanner.take(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return scanner.finish();
}

std::vector<ConfigLayer> read_config_file(const fs::path& path) {
  std::vector<ConfigLayer> layers;
  std::vector<fs::path> chain;
  std::vector<fs::path> identities;
  std::string where;
  for (fs::path next = path; !next.empty();) {
    std::error_code error;
    const fs::path identity = fs::weakly_canonical(next, error);
    const bool cycle = std::ranges::count(identities, identity) > 0;
    chain.push_back(next);
    identities.push_back(identity);
    if (cycle) {
      throw Error(ErrorKind::usage,
                  where + "bases form a cycle: " + chain_text(chain),
                  "remove one of the base lines");
    }
    const auto kind = layers.empty() ? Origin::Kind::file : Origin::Kind::base;
    ScannedConfig scanned =
        scan_config(file_text(next, where), next.string(), kind);
    layers.insert(layers.begin(), std::move(scanned.layer));
    if (scanned.base.empty()) break;
    where = scanned.base_origin.place() + ": ";
    next = (next.parent_path() / scanned.base).lexically_normal();
  }
  return layers;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  const std::size_t last = text.find_last_not_of(" \t");
  return std::string(text.substr(first, last - first + 1));
}

bool is_key_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_name_character);
}

bool is_section_name(std::string_view text) {
  while (true) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    if (!is_key_name(text.substr(0, dot))) return false;
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

std::string unwritable(std::string_view text) {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
      char name[8];
      std::snprintf(name, sizeof name, "0x%02X", byte);
      return std::string("control character ") + name;
    }
    const std::size_t length = utf8_length(text);
    if (length == 0) return "text that is not UTF-8";
    text.remove_prefix(length);
  }
  return "";
}

}  // namespace shalab
