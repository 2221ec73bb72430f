#pragma once
// A prior from its built plugin, with some keys changed.

#include <memory>
#include <string>

#include "../load.h"
#include "shalab/prior.h"

namespace shalab {

using Keys = ChangedKeys;

inline std::shared_ptr<Prior> make_prior(const std::string& name,
                                         const PriorContext& context,
                                         const Keys& keys = {}) {
  return make_plugin<Factory_prior>("prior", name, context, keys);
}

}  // namespace shalab
