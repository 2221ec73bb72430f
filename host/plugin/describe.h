#pragma once
// What a plugin's library says about itself.

#include <filesystem>

#include "config/plugin_info.h"

namespace shalab {

// Loads `file` (library.h), so LibTorch with it, and reads its descriptor,
// fields and digest. A field whose default breaks its own bounds is refused
// with Error(plugin): side metadata is written from this, and the mistake
// shall show when the plugin is built. [any thread]
PluginInfo describe_plugin(const std::filesystem::path& file);

}  // namespace shalab
