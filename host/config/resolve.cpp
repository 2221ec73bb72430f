#include "config/resolve.h"

#include <algorithm>

#include "config/cross_check.h"
#include "config/section_resolver.h"
#include "shalab/error.h"

namespace shalab {

namespace {

std::vector<std::string> section_forms() {
  std::vector<std::string> forms;
  for (const SectionKind& kind : section_kinds()) {
    const bool bare = kind.naming != SectionNaming::named;
    const bool dotted = kind.naming != SectionNaming::single;
    if (bare) forms.push_back(kind.name);
    if (dotted) forms.push_back(kind.name + ".NAME");
  }
  return forms;
}

std::string unknown_kind_hint(const SectionName& name) {
  std::vector<std::string> kinds;
  for (const SectionKind& kind : section_kinds()) kinds.push_back(kind.name);
  std::string hint;
  if (const auto near = nearest(name.kind, kinds)) {
    const std::string rest = name.instance.empty() ? "" : "." + name.instance;
    hint = "did you mean [" + *near + rest + "]? ";
  }
  return hint + "sections: " + to_text(section_forms());
}

void check_name(const MergedSection& section) {
  const SectionName name = split_section(section.name);
  const SectionKind* kind = find_section_kind(name.kind);
  if (kind == nullptr) {
    refuse(section.origin, "unknown section [" + section.name + "]",
           unknown_kind_hint(name));
  }
  if (kind->naming == SectionNaming::single && !name.instance.empty()) {
    refuse(section.origin,
           "unknown section [" + section.name + "]: [" + name.kind +
               "] stands alone",
           "sections: " + to_text(section_forms()));
  }
  if (kind->naming == SectionNaming::named && name.instance.empty()) {
    refuse(section.origin, "section [" + name.kind + "] needs a name",
           "write [" + name.kind + ".NAME]");
  }
  if (name.instance.find('.') != std::string::npos) {
    refuse(section.origin, "section [" + section.name + "] has too many parts",
           "write [" + name.kind + ".NAME]");
  }
}

std::vector<const MergedSection*> written_of(
    const SectionKind& kind, const std::vector<MergedSection>& merged) {
  std::vector<const MergedSection*> found;
  for (const MergedSection& section : merged) {
    if (split_section(section.name).kind == kind.name) {
      found.push_back(&section);
    }
  }
  if (kind.naming == SectionNaming::modality) {
    std::ranges::sort(found, {}, &MergedSection::name);
  }
  return found;
}

// Resolves the sections in canonical order.
class Resolver {
 public:
  Resolver(std::string file, const std::vector<MergedSection>& merged,
           const PluginList& plugins)
      : file_(std::move(file)), merged_(merged), plugins_(plugins) {}

  ResolvedConfig all() {
    for (const MergedSection& section : merged_) check_name(section);
    for (const SectionKind& kind : section_kinds()) resolve_kind(kind);
    check_across(config_);
    return std::move(config_);
  }

 private:
  void resolve_kind(const SectionKind& kind) {
    const auto written = written_of(kind, merged_);
    if (written.empty() && kind.is_required) refuse_missing(kind);
    if (written.empty() && kind.is_implied) {
      const MergedSection absent{kind.name, {}, {}, {}};
      add(resolve_section(kind, absent, {}, plugins_, config_.notices));
    }
    for (const MergedSection* section : written) {
      if (kind.name == "latent_source") {
        add(resolve_latent_source(kind, *section, config_));
      } else {
        const GeneralSection general = general_of(kind, *section);
        add(resolve_section(kind, *section, general, plugins_,
                            config_.notices));
      }
    }
  }

  void add(ResolvedSection section) {
    config_.sections.push_back(std::move(section));
  }

  GeneralSection general_of(const SectionKind& kind,
                            const MergedSection& section) const {
    if (section.name == kind.name) return {};
    const auto at = std::ranges::find(merged_, kind.name, &MergedSection::name);
    if (at == merged_.end()) return {};
    return {&*at, config_.find(kind.name)};
  }

  [[noreturn]] void refuse_missing(const SectionKind& kind) const {
    throw Error(ErrorKind::usage,
                file_ + ": the required section [" + kind.name + "] is missing",
                "add [" + kind.name + "] with a key plugin; " +
                    known_names_hint("", plugins_.names(kind.plugin_kind),
                                     kind.plugin_kind + " plugins"));
  }

  std::string file_;
  const std::vector<MergedSection>& merged_;
  const PluginList& plugins_;
  ResolvedConfig config_;
};

ResolvedConfig resolved(const std::vector<ConfigLayer>& layers,
                        const std::vector<std::string>& arguments,
                        const PluginList& plugins) {
  const auto merged = merge(layers, parse_overrides(arguments));
  return Resolver(layers.back().file, merged, plugins).all();
}

const ResolvedSection* of_modality(const ResolvedConfig& config,
                                   const std::string& kind,
                                   const std::string& modality) {
  const ResolvedSection* own = config.find(kind + "." + modality);
  return own != nullptr ? own : config.find(kind);
}

}  // namespace

const ResolvedSection* ResolvedConfig::find(const std::string& name) const {
  const auto at = std::ranges::find(sections, name, &ResolvedSection::name);
  return at == sections.end() ? nullptr : &*at;
}

const ResolvedSection& ResolvedConfig::at(const std::string& name) const {
  const ResolvedSection* section = find(name);
  SHALAB_CHECK(section != nullptr, "the config has no section " + name);
  return *section;
}

std::vector<const ResolvedSection*> ResolvedConfig::of_kind(
    const std::string& kind) const {
  std::vector<const ResolvedSection*> found;
  for (const ResolvedSection& section : sections) {
    if (section.kind == kind) found.push_back(&section);
  }
  return found;
}

ResolvedConfig resolve_file(const std::filesystem::path& path,
                            const std::vector<std::string>& arguments,
                            const PluginList& plugins) {
  ResolvedConfig config = resolved(read_config_file(path), arguments, plugins);
  const auto run = std::ranges::find(config.sections, std::string("run"),
                                     &ResolvedSection::name);
  if (run->settings.text("name").empty()) {
    run->settings.set("name", path.stem().string());
  }
  return config;
}

ResolvedConfig resolve_text(std::string_view text, const std::string& file,
                            const std::vector<std::string>& arguments,
                            const PluginList& plugins) {
  ScannedConfig scanned = scan_config(text, file);
  if (!scanned.base.empty()) {
    refuse(scanned.base_origin, "a base is not possible here", "");
  }
  return resolved({std::move(scanned.layer)}, arguments, plugins);
}

void check_modalities(const ResolvedConfig& config,
                      const std::vector<std::string>& names) {
  for (const ResolvedSection& section : config.sections) {
    const SectionKind* kind = find_section_kind(section.kind);
    if (kind->naming != SectionNaming::modality) continue;
    const bool known = section.instance.empty() ||
                       std::ranges::count(names, section.instance) > 0;
    if (known) continue;
    refuse(section.origin,
           "[" + section.name + "]: the dataset has no modality '" +
               section.instance + "'",
           known_names_hint(section.instance, names, "modalities"));
  }
}

const ResolvedSection& encoder_settings(const ResolvedConfig& config,
                                        const std::string& modality) {
  const ResolvedSection* section = of_modality(config, "encoder", modality);
  if (section != nullptr) return *section;
  throw Error(
      ErrorKind::usage,
      "the config has no encoder for the modality '" + modality + "'",
      "add [encoder] for all modalities, or [encoder." + modality + "]");
}

const ResolvedSection* refiner_settings(const ResolvedConfig& config,
                                        const std::string& modality) {
  return of_modality(config, "refiner", modality);
}

}  // namespace shalab
