#include "command/places.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace shalab {

namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

void add_split(std::vector<fs::path>& folders, const std::string& text) {
  std::istringstream stream(text);
  for (std::string folder; std::getline(stream, folder, ':');) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
}

// Without the folders that an earlier name stands for too.
std::vector<fs::path> each_once(const std::vector<fs::path>& folders) {
  std::vector<fs::path> result, seen;
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::path whole = fs::weakly_canonical(folder, error);
    if (std::find(seen.begin(), seen.end(), whole) != seen.end()) continue;
    seen.push_back(whole);
    result.push_back(folder);
  }
  return result;
}

}  // namespace

fs::path program_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

std::vector<fs::path> data_places(const GlobalOptions& options) {
  std::vector<fs::path> places;
  add_split(places,
            options.data.empty() ? variable("SHALAB_DATA") : options.data);
  places.emplace_back("data");
  places.push_back(program_folder().parent_path() / "share/shalab/data");
  places.push_back(fs::path(SHALAB_SOURCE_DIR) / "data");
  places.push_back(
      (fs::path(SHALAB_SOURCE_DIR) / "../shared/data").lexically_normal());
  places.emplace_back("/usr/share/datasets");
  return each_once(places);
}

fs::path cache_place() {
  if (const std::string text = variable("SHALAB_CACHE"); !text.empty()) {
    return text;
  }
  if (const std::string text = variable("XDG_CACHE_HOME"); !text.empty()) {
    return fs::path(text) / "shalab";
  }
  if (const std::string text = variable("HOME"); !text.empty()) {
    return fs::path(text) / ".cache" / "shalab";
  }
  std::error_code error;
  return fs::temp_directory_path(error) / "shalab-cache";
}

}  // namespace shalab
