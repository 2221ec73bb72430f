#pragma once
// What the broken plugins share: a sound descriptor to break in one place.

#include "shalab/fields.h"
#include "shalab/plugin.h"

#define ZOO_EXPORT extern "C" __attribute__((visibility("default")))

namespace shalab::zoo {

inline void declare_one_field(FieldList& fields) {
  fields.integer("count", 3, "how many").at_least(1).in("steps");
}

// Points to no real factory: these plugins are described, never made.
inline PluginDescriptor sound_descriptor(const char* name) {
  static const int no_factory = 0;
  return {kPluginMagic,
          sizeof(PluginDescriptor),
          SHALAB_SDK_HASH,
          kAbiStamp,
          "metric",
          name,
          7,
          "an inhabitant of the zoo",
          declare_one_field,
          &no_factory};
}

}  // namespace shalab::zoo

// Exports the sound descriptor after `change` (a statement about `broken`).
#define ZOO_PLUGIN(change)                                             \
  ZOO_EXPORT const shalab::PluginDescriptor* shalab_plugin() {         \
    static const shalab::PluginDescriptor descriptor = [] {            \
      auto broken = shalab::zoo::sound_descriptor(SHALAB_PLUGIN_NAME); \
      change;                                                          \
      return broken;                                                   \
    }();                                                               \
    return &descriptor;                                                \
  }
