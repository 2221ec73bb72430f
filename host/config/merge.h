#pragma once
// Layers of files and the command line -> one list of sections, with the
// layer of every value kept.

#include <cstddef>
#include <string>
#include <vector>

#include "config/config_file.h"
#include "config/override.h"

namespace shalab {

struct MergedEntry {
  ConfigEntry entry;
  std::size_t layer = 0;  // 0 = the base-most file; higher wins
};

struct MergedSection {
  // One setting of the key `plugin`, in ascending layers.
  struct PluginChoice {
    std::size_t layer;
    std::string name;
    Origin origin;
  };

  std::string name;
  Origin origin;                     // of its first appearance
  std::vector<MergedEntry> entries;  // without `plugin`; unique keys
  std::vector<PluginChoice> plugins;

  // The plugin that this section names itself as seen from `layer`; null when
  // it names none there.
  const PluginChoice* plugin_at(std::size_t layer) const;
  const PluginChoice* plugin() const;  // from the highest layer
  const MergedEntry* find(const std::string& key) const;
};

// Applies each layer over the ones before: first its removals, then its
// sections; then the overrides in their order, as one more layer. Throws
// Error(usage) when a removal finds nothing, or a plain override addresses a
// section that is neither there nor implied (host_fields.h).
std::vector<MergedSection> merge(const std::vector<ConfigLayer>& layers,
                                 const std::vector<Override>& overrides);

// "fitted_prior.small" -> {"fitted_prior", "small"}; "train" -> {"train", ""}.
struct SectionName {
  std::string kind;
  std::string instance;
};
SectionName split_section(const std::string& name);

}  // namespace shalab
