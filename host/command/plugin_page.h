#pragma once
// A plugin's page, made of what it declares.

#include <string>

#include "config/plugin_info.h"

namespace shalab {

// "at least 1", "0 to 1", "more than 0", "one of a, b", or "".
std::string bounds_text(const Field& field);

// For a terminal: kind, revision, summary, file, then each key with type,
// default, bounds, unit and meaning.
std::string plugin_page(const PluginInfo& info, bool colour);

// docs/plugin_reference.md: all plugins by kind, a table of keys each.
std::string plugin_reference(const PluginList& plugins);

}  // namespace shalab
