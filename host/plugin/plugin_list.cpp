#include "plugin/plugin_list.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <tuple>

#include "plugin/manifest.h"
#include "shalab/error.h"

namespace shalab {

namespace {

namespace fs = std::filesystem;

// "kind/name" items of a manifest; nothing where it is malformed.
std::optional<std::vector<std::string>> listed_in(const fs::path& manifest) {
  std::ifstream file(manifest, std::ios::binary);
  const auto object = nlohmann::json::parse(file, nullptr, false);
  if (!object.is_object() || !object.contains("plugins")) return std::nullopt;
  std::vector<std::string> items;
  if (!object["plugins"].is_array()) return std::nullopt;
  for (const auto& item : object["plugins"]) {
    if (!item.is_string()) return std::nullopt;
    const auto text = item.get<std::string>();
    const std::size_t slash = text.find('/');
    const bool is_pair = slash != std::string::npos && slash > 0 &&
                         slash + 1 < text.size() &&
                         text.find('/', slash + 1) == std::string::npos &&
                         text.find("..") == std::string::npos;
    if (!is_pair) return std::nullopt;
    items.push_back(text);
  }
  return items;
}

void add_problem(PluginList& list, const Error& error) {
  list.problems.push_back(error.message());
}

// `kind` is that of the folder; "" where the folder has no kind.
void add_file(PluginList& list, const fs::path& metadata,
              const std::string& kind) {
  try {
    PluginInfo info = read_plugin_info(metadata);
    const bool matches = (kind.empty() || info.kind == kind) &&
                         info.name == metadata.stem().string();
    if (!matches) {
      list.problems.push_back(metadata.string() + " describes " + info.kind +
                              "/" + info.name + ", another plugin");
    } else if (!fs::is_regular_file(info.library)) {
      list.problems.push_back(info.library.string() + " is missing, but " +
                              metadata.string() + " describes it");
    } else {
      list.plugins.push_back(std::move(info));
    }
  } catch (const Error& error) {
    add_problem(list, error);
  }
}

void add_listed(PluginList& list, const fs::path& folder) {
  const fs::path manifest = folder / "manifest.json";
  const auto items = listed_in(manifest);
  if (!items) {
    list.problems.push_back(manifest.string() +
                            " is no {\"plugins\": [\"kind/name\", ...]}");
    return;
  }
  for (const std::string& item : *items) {
    const fs::path metadata = folder / (item + ".json");
    if (!fs::is_regular_file(metadata)) {
      list.problems.push_back(metadata.string() + " is missing, but " +
                              manifest.string() + " lists it");
      continue;
    }
    add_file(list, metadata, metadata.parent_path().filename().string());
  }
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    entries.push_back(entry.path());
  }
  std::ranges::sort(entries);
  return entries;
}

void add_found(PluginList& list, const fs::path& folder) {
  for (const fs::path& entry : sorted_entries(folder)) {
    if (entry.extension() == ".json") add_file(list, entry, "");
    if (!fs::is_directory(entry)) continue;
    for (const fs::path& file : sorted_entries(entry)) {
      if (file.extension() != ".json") continue;
      add_file(list, file, entry.filename().string());
    }
  }
}

void add_folder(PluginList& list, const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    list.problems.push_back("plugin folder " + folder.string() +
                            " does not exist");
  } else if (fs::exists(folder / "manifest.json", error)) {
    add_listed(list, folder);
  } else {
    add_found(list, folder);
  }
}

void check_unique(const std::vector<PluginInfo>& sorted) {
  const auto twin = std::ranges::adjacent_find(
      sorted, [](const PluginInfo& a, const PluginInfo& b) {
        return a.kind == b.kind && a.name == b.name;
      });
  if (twin == sorted.end()) return;
  throw Error(ErrorKind::plugin,
              "two plugins are called " + twin->kind + "/" + twin->name + ": " +
                  twin->library.string() + " and " +
                  std::next(twin)->library.string(),
              "rename one of them, or leave its folder out of --plugins and "
              "SHALAB_PLUGINS");
}

void add_split(std::vector<fs::path>& folders, const std::string& text) {
  std::istringstream stream(text);
  for (std::string folder; std::getline(stream, folder, ':');) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
}

}  // namespace

PluginList load_plugin_list(const std::vector<fs::path>& folders) {
  PluginList list;
  std::vector<fs::path> seen;
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::path identity = fs::weakly_canonical(folder, error);
    if (std::ranges::count(seen, identity) > 0) continue;
    seen.push_back(identity);
    add_folder(list, folder);
  }
  std::ranges::stable_sort(list.plugins, {}, [](const PluginInfo& info) {
    return std::tie(info.kind, info.name);
  });
  check_unique(list.plugins);
  return list;
}

std::vector<fs::path> plugin_folders(const std::string& option) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::vector<fs::path> folders;
  folders.push_back(program.parent_path().parent_path() / "plugins");
  if (const char* text = std::getenv("SHALAB_PLUGINS")) {
    add_split(folders, text);
  }
  add_split(folders, option);
  return folders;
}

}  // namespace shalab
