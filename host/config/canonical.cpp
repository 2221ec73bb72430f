#include "config/canonical.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/digest.h"

namespace shalab {

namespace {

constexpr std::array<const char*, 8> kNotHashed = {
    "run.seed",          "run.name", "run.device", "run.threads",
    "run.memory_format", "run.data", "run.graph", "run.branches"};

struct Line {
  std::string key;
  std::string value;
  std::string origin;
};

std::vector<Line> lines_of(const ResolvedSection& section) {
  std::vector<Line> lines;
  for (const Field& field : section.settings.fields().all()) {
    lines.push_back({field.name, to_text(section.settings.value(field.name)),
                     section.origins.at(field.name).text()});
  }
  return lines;
}

// One device is what runs had before there was the key.
bool is_hashed(const std::string& key, const std::string& value) {
  if (key == "run.devices") return value != "1";
  return std::ranges::count(kNotHashed, key) == 0;
}

std::vector<std::string> hashed_lines(const ResolvedSection& section) {
  std::vector<std::string> facts;
  for (const Line& line : lines_of(section)) {
    const std::string key = section.name + "." + line.key;
    if (is_hashed(key, line.value))
      facts.push_back(key + " = " + line.value + "\n");
  }
  return facts;
}

std::string sorted_digest(std::vector<std::string> facts) {
  std::ranges::sort(facts);
  Sha256 digest;
  for (const std::string& fact : facts) digest.update(fact);
  return digest.hex();
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

}  // namespace

std::string canonical_text(const ResolvedConfig& config) {
  std::string text;
  for (const ResolvedSection& section : config.sections) {
    text += "[" + section.name + "]\n";
    for (const Line& line : lines_of(section)) {
      text +=
          line.key + " =" + (line.value.empty() ? "" : " ") + line.value + "\n";
    }
  }
  return text;
}

std::string config_hash(const ResolvedConfig& config) {
  std::vector<std::string> facts;
  for (const ResolvedSection& section : config.sections) {
    facts.push_back("[" + section.name + "]\n");
    std::ranges::move(hashed_lines(section), std::back_inserter(facts));
  }
  return sorted_digest(std::move(facts));
}

std::map<std::string, std::string> section_hashes(
    const ResolvedConfig& config) {
  std::map<std::string, std::string> hashes;
  for (const ResolvedSection& section : config.sections) {
    hashes[section.name] = sorted_digest(hashed_lines(section));
  }
  return hashes;
}

std::string full_hash(const ResolvedConfig& config) {
  return sha256_hex(canonical_text(config));
}

std::string check_text(const ResolvedConfig& config) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const ResolvedSection& section : config.sections) {
    for (const Line& line : lines_of(section)) {
      key_width = std::max(key_width, line.key.size());
      value_width =
          std::max(value_width, std::min<std::size_t>(line.value.size(), 40));
    }
  }
  std::string text;
  for (const ResolvedSection& section : config.sections) {
    text += (text.empty() ? "[" : "\n[") + section.name + "]\n";
    for (const Line& line : lines_of(section)) {
      text += padded(line.key, key_width) + " = " +
              padded(line.value, value_width) + "  # " + line.origin + "\n";
    }
  }
  return text;
}

}  // namespace shalab
