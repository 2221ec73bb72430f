#include "model/checkpoint_manifest.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/digest.h"
#include "base/files.h"
#include "shalab/error.h"

namespace shalab {

namespace fs = std::filesystem;

namespace {

using nlohmann::ordered_json;

constexpr std::string_view kFormat = "shalab-checkpoint";
constexpr const char* kName = "manifest.json";
constexpr std::string_view kBeforeDigest = ",\n\"digest\": \"";
constexpr std::string_view kAfterDigest = "\"}\n";
constexpr std::size_t kDigestSize = 64;
constexpr std::uintmax_t kMaxManifest = 1 << 20;

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  throw Error(ErrorKind::resume, file.string() + ": " + what);
}

// The text is judged before it is parsed: every byte is either under the
// digest, part of it, or one of the fixed ones around it.
std::string_view checked_part(const fs::path& file, std::string_view text) {
  const std::size_t tail =
      kBeforeDigest.size() + kDigestSize + kAfterDigest.size();
  if (text.size() <= tail) refuse(file, "truncated");
  const std::string_view part = text.substr(0, text.size() - tail);
  const std::string expected =
      std::string(kBeforeDigest) + sha256_hex(part) + std::string(kAfterDigest);
  if (text.substr(part.size()) != expected) {
    refuse(file, "damaged: its own digest differs");
  }
  return part;
}

ordered_json read_manifest(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) refuse(file, "cannot read: " + error.message());
  if (size > kMaxManifest) refuse(file, "larger than 1 MiB");
  const std::string text = read_file(file);
  return ordered_json::parse(std::string(checked_part(file, text)) + "}");
}

void check_file(const fs::path& file, const ordered_json& entry) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) refuse(file, "cannot read: " + error.message());
  const auto expected = entry.at("size").get<std::uintmax_t>();
  if (size != expected) {
    refuse(file, "has " + std::to_string(size) + " bytes, the manifest says " +
                     std::to_string(expected));
  }
  if (sha256_file(file) != entry.at("sha256").get<std::string>()) {
    refuse(file, "damaged: its SHA-256 is not the manifest's");
  }
}

std::int64_t check_parsed(const fs::path& folder, const ordered_json& manifest,
                          const std::vector<std::string>& files) {
  const fs::path file = folder / kName;
  if (manifest.at("format").get<std::string>() != kFormat) {
    refuse(file, "not the manifest of a checkpoint");
  }
  const int version = manifest.at("version").get<int>();
  if (version != kCheckpointVersion) {
    refuse(file, "checkpoint format version " + std::to_string(version) +
                     ", this program reads version " +
                     std::to_string(kCheckpointVersion));
  }
  const ordered_json& entries = manifest.at("files");
  if (entries.size() != files.size()) refuse(file, "lists other files");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const ordered_json& entry = entries.at(i);
    if (entry.at("name").get<std::string>() != files[i]) {
      refuse(file, "lists other files");
    }
    check_file(folder / files[i], entry);
  }
  return manifest.at("step").get<std::int64_t>();
}

}  // namespace

void write_checkpoint_manifest(const fs::path& folder, std::int64_t step,
                               const std::vector<std::string>& files) {
  ordered_json entries = ordered_json::array();
  for (const std::string& name : files) {
    entries.push_back({{"name", name},
                       {"size", fs::file_size(folder / name)},
                       {"sha256", sha256_file(folder / name)}});
  }
  const ordered_json manifest = {{"format", kFormat},
                                 {"version", kCheckpointVersion},
                                 {"step", step},
                                 {"files", entries}};
  std::string text = manifest.dump();
  text.pop_back();  // the closing brace comes after the digest
  text += std::string(kBeforeDigest) + sha256_hex(std::string_view(text)) +
          std::string(kAfterDigest);
  write_file_atomically(folder / kName, text);
}

std::int64_t check_checkpoint_manifest(const fs::path& folder,
                                       const std::vector<std::string>& files) {
  try {
    return check_parsed(folder, read_manifest(folder / kName), files);
  } catch (const nlohmann::json::exception&) {
    refuse(folder / kName, "not the manifest of a checkpoint");
  }
}

}  // namespace shalab
