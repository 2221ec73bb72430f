#pragma once
// The sections of a config and the keys that the host itself reads in them.

#include <string>
#include <vector>

#include "config/plugin_info.h"
#include "shalab/fields.h"

namespace shalab {

// How the sections of one kind are written.
enum class SectionNaming {
  single,    // [train]
  modality,  // [encoder] for all, [encoder.NAME] for the modality NAME
  named,     // [metric.NAME], any number of them
};

struct SectionKind {
  std::string name;         // "train", "fitted_prior"
  std::string plugin_kind;  // "" where the section names no plugin
  SectionNaming naming = SectionNaming::single;
  bool is_required = false;
  // Can be addressed on the command line although no file has it: host
  // sections, and those that a config must have anyway.
  bool is_implied = false;
  std::string meaning;  // one sentence for the reference page
};

// In the order of the canonical text.
const std::vector<SectionKind>& section_kinds();
const SectionKind* find_section_kind(const std::string& name);

// Keys of the host in a section of this kind: all of them for [train], those
// beside the plugin's own for [encoder], `plugin` wherever one is named.
FieldList host_fields(const SectionKind& kind);

// `plugin`, the plugin's keys, then the host's other keys, in this order. A
// key that the plugin declares itself keeps the plugin's declaration.
FieldList section_fields(const SectionKind& kind, const PluginInfo* plugin);

}  // namespace shalab
