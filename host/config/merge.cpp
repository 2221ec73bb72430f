#include "config/merge.h"

#include <algorithm>

#include "config/host_fields.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Sections = std::vector<MergedSection>;

std::vector<std::string> names_of(const Sections& sections) {
  std::vector<std::string> names;
  for (const MergedSection& section : sections) names.push_back(section.name);
  return names;
}

MergedSection* find_section(Sections& sections, const std::string& name) {
  const auto at = std::ranges::find(sections, name, &MergedSection::name);
  return at == sections.end() ? nullptr : &*at;
}

MergedSection& found_or_added(Sections& sections, const std::string& name,
                              const Origin& origin) {
  if (MergedSection* section = find_section(sections, name)) return *section;
  sections.push_back({name, origin, {}, {}});
  return sections.back();
}

void remove(Sections& sections, const std::string& name, const Origin& origin) {
  if (find_section(sections, name) == nullptr) {
    throw Error(ErrorKind::usage,
                origin.place() + ": no section [" + name + "] to remove",
                known_names_hint(name, names_of(sections), "sections"));
  }
  std::erase_if(sections, [&](const MergedSection& section) {
    return section.name == name;
  });
}

void set(MergedSection& section, const ConfigEntry& entry, std::size_t layer) {
  if (entry.key == "plugin") {
    section.plugins.push_back({layer, entry.text, entry.origin});
    return;
  }
  const auto at =
      std::ranges::find(section.entries, entry.key,
                        [](const MergedEntry& m) { return m.entry.key; });
  if (at == section.entries.end()) {
    section.entries.push_back({entry, layer});
  } else {
    *at = {entry, layer};
  }
}

bool is_implied(const std::string& section) {
  const SectionName name = split_section(section);
  const SectionKind* kind = find_section_kind(name.kind);
  if (kind == nullptr || !kind->is_implied) return false;
  return name.instance.empty() || kind->naming == SectionNaming::modality;
}

[[noreturn]] void refuse_absent(const Override& entry,
                                const Sections& sections) {
  std::string hint =
      known_names_hint(entry.section, names_of(sections), "sections");
  const SectionKind* kind =
      find_section_kind(split_section(entry.section).kind);
  if (kind != nullptr) {
    hint = "to add it, write +" + entry.origin.argument + "; " + hint;
  }
  throw Error(ErrorKind::usage,
              entry.origin.place() + ": the config has no section [" +
                  entry.section + "]",
              hint);
}

void apply(Sections& sections, const Override& entry, std::size_t layer) {
  if (entry.action == Override::Action::remove) {
    remove(sections, entry.section, entry.origin);
    return;
  }
  const bool may_add =
      entry.action == Override::Action::add || is_implied(entry.section);
  if (!may_add && find_section(sections, entry.section) == nullptr) {
    refuse_absent(entry, sections);
  }
  MergedSection& section =
      found_or_added(sections, entry.section, entry.origin);
  if (!entry.key.empty()) {
    set(section, {entry.key, entry.text, entry.origin}, layer);
  }
}

}  // namespace

const MergedSection::PluginChoice* MergedSection::plugin_at(
    std::size_t layer) const {
  const PluginChoice* last = nullptr;
  for (const PluginChoice& choice : plugins) {
    if (choice.layer <= layer) last = &choice;
  }
  return last;
}

const MergedSection::PluginChoice* MergedSection::plugin() const {
  return plugins.empty() ? nullptr : &plugins.back();
}

const MergedEntry* MergedSection::find(const std::string& key) const {
  for (const MergedEntry& entry : entries) {
    if (entry.entry.key == key) return &entry;
  }
  return nullptr;
}

std::vector<MergedSection> merge(const std::vector<ConfigLayer>& layers,
                                 const std::vector<Override>& overrides) {
  Sections sections;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    for (const ConfigRemoval& removal : layers[layer].removals) {
      remove(sections, removal.section, removal.origin);
    }
    for (const ConfigSection& section : layers[layer].sections) {
      MergedSection& merged =
          found_or_added(sections, section.name, section.origin);
      for (const ConfigEntry& entry : section.entries) {
        set(merged, entry, layer);
      }
    }
  }
  for (const Override& entry : overrides) {
    apply(sections, entry, layers.size());
  }
  return sections;
}

SectionName split_section(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return {name, ""};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace shalab
