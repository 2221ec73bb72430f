#pragma once
// A plugin from its built library, with some keys changed.

#include <dlfcn.h>

#include <string>
#include <utility>
#include <vector>

#include "shalab/error.h"
#include "shalab/fields.h"
#include "shalab/plugin.h"

namespace shalab {

using ChangedKeys = std::vector<std::pair<std::string, FieldValue>>;

inline const PluginDescriptor& load_descriptor(const std::string& kind,
                                               const std::string& name) {
  const std::string file =
      std::string(SHALAB_BUILD_DIR "/plugins/") + kind + "/" + name + ".so";
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  SHALAB_CHECK(library != nullptr, std::string("cannot open: ") + dlerror());
  void* symbol = dlsym(library, kPluginSymbol);
  SHALAB_CHECK(symbol != nullptr, "no plugin: " + file);
  const auto& descriptor =
      *reinterpret_cast<const PluginDescriptor* (*)()>(symbol)();
  SHALAB_CHECK(kind == descriptor.kind, descriptor.kind);
  return descriptor;
}

inline Settings settings_of(const PluginDescriptor& descriptor,
                            const ChangedKeys& keys = {}) {
  FieldList fields;
  descriptor.declare_fields(fields);
  Settings settings(fields);
  for (const auto& [key, value] : keys) settings.set(key, value);
  return settings;
}

// Factory is Factory_encoder, Factory_prior, ...
template <typename Factory, typename Context>
auto make_plugin(const std::string& kind, const std::string& name,
                 const Context& context, const ChangedKeys& keys = {}) {
  const PluginDescriptor& descriptor = load_descriptor(kind, name);
  return (*static_cast<const Factory*>(descriptor.make))(
      settings_of(descriptor, keys), context);
}

}  // namespace shalab
