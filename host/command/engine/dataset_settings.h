#pragma once
// The settings of a dataset that a command names without a config file.

#include <string>
#include <vector>

#include "plugin/registry.h"

namespace shalab {

// The defaults of dataset plugin `name`, changed by `overrides`
// ("dataset.key=value"). Error(usage) names the text that sets no key, or a
// value that does not fit.
Settings dataset_settings(const Registry& registry, const std::string& name,
                          const std::vector<std::string>& overrides);

}  // namespace shalab
