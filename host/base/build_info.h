#pragma once
// What this program was built from, and with.

#include <string>
#include <utility>
#include <vector>

namespace shalab {

struct BuildInfo {
  std::string version;     // "0.1.0"
  std::string source;      // `git describe` when configured; "" without git
  std::string compiler;    // "GNU 12.2.0"
  std::string build_type;  // "Release"
  std::string sdk_hash;    // SHA-256 of the SDK headers
  std::string libtorch;    // "2.11.0"
};

const BuildInfo& build_info();

// Name and value, in the order they are printed and stored with a run.
std::vector<std::pair<std::string, std::string>> build_facts();

// "shalab 0.1.0 (v0.1.0-3-gabc1234)" and one line per further fact.
std::string version_text();

}  // namespace shalab
