#pragma once
// What is known about the plugins without loading any of them. The loader of
// this knowledge is plugin/plugin_list.h; a config needs only the values.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "shalab/fields.h"

namespace shalab {

struct PluginInfo {
  std::string kind;  // "encoder", "prior", ...
  std::string name;
  std::int32_t revision = 1;
  std::string summary;
  FieldList fields;
  std::filesystem::path library;
  std::string sha256;  // of the library, when it was described
  std::string sdk_hash;
  std::string abi_stamp;
};

// Unique by kind and name; sorted by both once loaded from folders.
struct PluginList {
  std::vector<PluginInfo> plugins;
  // Why a listed plugin is absent, one sentence each, naming the file.
  std::vector<std::string> problems;

  const PluginInfo* find(const std::string& kind,
                         const std::string& name) const;  // null when absent
  std::vector<std::string> names(const std::string& kind) const;
  std::vector<std::string> kinds_of(const std::string& name) const;
};

// The plugin, or Error(usage) that lists the known names of
// the kind, the nearest one, and the real kind of a plugin of another kind.
// `where` opens the message: "exp.ini:3".
const PluginInfo& require_plugin(const PluginList& plugins,
                                 const std::string& kind,
                                 const std::string& name,
                                 const std::string& where);

// "known <what>: a, b" with "did you mean 'a'? " before it when one is near.
std::string known_names_hint(const std::string& word,
                             const std::vector<std::string>& names,
                             const std::string& what);

}  // namespace shalab
