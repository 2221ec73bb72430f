#pragma once
// Side metadata of a plugin: `<name>.json` beside `<name>.so`, written when
// the plugin is built, so that listing plugins loads none of them.
//
//   {"kind": "prior", "name": "gaussian_mixture", "revision": 1,
//    "summary": "...", "sdk_hash": "...", "abi_stamp": "...",
//    "file": "gaussian_mixture.so", "sha256": "...",
//    "fields": [{"name": "components", "type": "integer", "default": 40,
//                "minimum": 1, "maximum": null, "minimum_excluded": false,
//                "choices": [], "unit": "", "meaning": "...",
//                "after_training": false}]}

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "config/plugin_info.h"

namespace shalab {

// "file" is the file name of info.library. Inverse of plugin_info_from_json.
nlohmann::json to_json(const PluginInfo& info);
nlohmann::json to_json(const FieldList& fields);

// Strict: every key present and none besides, types as above, a default that
// its own bounds and choices allow, `file` without a folder. The library is
// `folder` / file. Throws Error(plugin) that names the key.
PluginInfo plugin_info_from_json(const nlohmann::json& json,
                                 const std::filesystem::path& folder);

// Reads the metadata file `path`. Throws Error(plugin) naming it.
PluginInfo read_plugin_info(const std::filesystem::path& path);

}  // namespace shalab
