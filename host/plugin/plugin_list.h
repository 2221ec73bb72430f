#pragma once
// All plugins of some folders, from their side metadata; loads no library.

#include <filesystem>
#include <string>
#include <vector>

#include "config/plugin_info.h"

namespace shalab {

// A folder with a `manifest.json` {"plugins": ["kind/name", ...]} holds
// exactly those that it lists, as <kind>/<name>.json and .so: what an earlier
// build left behind does not count. In a folder without one (a user's own),
// every <name>.json and <kind>/<name>.json counts. What is listed but cannot
// be used becomes one of PluginList::problems. A folder named twice counts
// once. Throws Error(plugin), naming both files, when two folders hold the
// same kind and name. Sorted by kind and name.
PluginList load_plugin_list(const std::vector<std::filesystem::path>& folders);

// Where plugins are looked for: `plugins` beside the folder of the running
// program, then those of SHALAB_PLUGINS, then those of `option` (--plugins);
// the last two colon separated.
std::vector<std::filesystem::path> plugin_folders(const std::string& option);

}  // namespace shalab
