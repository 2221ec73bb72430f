#pragma once
// A prior from its built plugin, with some keys changed.

#include <dlfcn.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "shalab/error.h"
#include "shalab/plugin.h"
#include "shalab/prior.h"

namespace shalab {

using Keys = std::vector<std::pair<std::string, FieldValue>>;

inline const PluginDescriptor& prior_descriptor(const std::string& name) {
  const std::string file =
      std::string(SHALAB_BUILD_DIR "/plugins/prior/") + name + ".so";
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  SHALAB_CHECK(library, std::string("cannot open: ") + dlerror());
  void* symbol = dlsym(library, kPluginSymbol);
  SHALAB_CHECK(symbol, "no plugin: " + file);
  return *reinterpret_cast<const PluginDescriptor* (*)()>(symbol)();
}

inline std::shared_ptr<Prior> make_prior(const std::string& name,
                                         const PriorContext& context,
                                         const Keys& keys = {}) {
  const auto& descriptor = prior_descriptor(name);
  SHALAB_CHECK(std::string(descriptor.kind) == "prior", descriptor.kind);
  FieldList fields;
  descriptor.declare_fields(fields);
  Settings settings(fields);
  for (const auto& [key, value] : keys) settings.set(key, value);
  return (*static_cast<const Factory_prior*>(descriptor.make))(settings,
                                                               context);
}

}  // namespace shalab
