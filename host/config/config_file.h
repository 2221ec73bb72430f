#pragma once
// Text of a config file -> sections, keys and values with their places.
//
//   base = other.ini          # optional, on top; relative to this file
//   [train]                   # a section, even when empty
//   epochs = 10               # `#` starts a comment on its own or after space
//   ~metric.kid               # removes an inherited section
//
// Only the form is checked here; what keys mean is config/resolve.h. All
// errors are Error(usage) that begin with "file:line: ".

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace shalab {

// Where a value comes from.
struct Origin {
  enum class Kind { default_value, base, file, command_line };
  Kind kind = Kind::default_value;
  std::string file;      // base and file: as typed, or relative to the typist
  int line = 0;          // base and file
  std::string argument;  // command line: what was typed

  // "exp.ini:12", "command line" or "default": for listings and the database.
  std::string text() const;
  // "exp.ini:12" or "argument 'train.epochs=x'": opens an error message.
  std::string place() const;
};

// Throws Error(usage) "<place of origin>: <message>".
[[noreturn]] void refuse(const Origin& origin, const std::string& message,
                         const std::string& hint);

struct ConfigEntry {
  std::string key;
  std::string text;  // trimmed; may be empty
  Origin origin;
};

struct ConfigSection {
  std::string name;  // "train", "fitted_prior.diffusion"
  Origin origin;
  std::vector<ConfigEntry> entries;  // unique keys, in file order
};

struct ConfigRemoval {
  std::string section;
  Origin origin;
};

// One file. Removals concern what it inherits, wherever they stand in it.
struct ConfigLayer {
  std::string file;  // as in the origins
  std::vector<ConfigRemoval> removals;
  std::vector<ConfigSection> sections;  // unique names, in file order
};

// A scanned text and the base it asks for ("" without one).
struct ScannedConfig {
  std::string base;
  Origin base_origin;
  ConfigLayer layer;
};

// `file` is only a name for messages and origins. Accepts CRLF and a UTF-8
// byte order mark. Refuses, naming the line (both lines for repeats):
// repeated sections, keys or removals, a line without `=`, an empty or
// malformed key or section name, a key before the first section, a second or
// late `base`, control characters, text that is not UTF-8.
ScannedConfig scan_config(std::string_view text, const std::string& file,
                          Origin::Kind kind = Origin::Kind::file);

// The file and the bases that it names, lowest precedence first. A cycle is
// refused with the chain of files.
std::vector<ConfigLayer> read_config_file(const std::filesystem::path& path);

// Parts that command line and file have in common.
std::string trimmed(std::string_view text);
// [A-Za-z0-9_-]+, for a key; the same joined by dots, for a section.
bool is_key_name(std::string_view text);
bool is_section_name(std::string_view text);
// Why `text` cannot stand in a config file (a control character, not UTF-8),
// or "".
std::string unwritable(std::string_view text);

}  // namespace shalab
