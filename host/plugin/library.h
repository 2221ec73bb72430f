#pragma once
// Loading a plugin's shared library, for the life of the process.

#include <filesystem>

#include "shalab/plugin.h"

namespace shalab {

// Opens `file` with immediate binding and local scope, passes it through the
// gates (gates.h) and returns its descriptor. The library is never closed,
// not even a refused one: LibTorch's registries and living objects may point
// into it. A second call with the same file returns the same descriptor.
// Throws Error(plugin) when it cannot be opened (with the loader's words), has
// no `shalab_plugin` symbol, fails a gate, or when another file already gave a
// plugin of this kind and name (both files shown). [any thread]
const PluginDescriptor& load_plugin(const std::filesystem::path& file);

}  // namespace shalab
