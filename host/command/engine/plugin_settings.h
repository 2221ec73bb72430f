#pragma once
// The settings of a plugin that a command names without a config file.

#include <string>
#include <vector>

#include "plugin/registry.h"

namespace shalab {

// The defaults of plugin `name` of a kind, changed by `overrides`
// ("dataset.key=value", "metric.key=value": the kind and a key). Error(usage)
// names the text that sets no key, or a value that does not fit.
Settings plugin_settings(const Registry& registry, const std::string& kind,
                         const std::string& name,
                         const std::vector<std::string>& overrides);

}  // namespace shalab
