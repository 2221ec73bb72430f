#include "config/section_resolver.h"

#include <algorithm>

#include "config/field_check.h"
#include "shalab/error.h"

namespace shalab {

namespace {

void set_value(ResolvedSection& section, const std::string& key,
               const std::string& text, const Origin& origin) {
  const Field& field = *section.settings.fields().find(key);
  const ParsedValue parsed = parse_value(field, text);
  if (!parsed.value) {
    refuse(origin, section.name + "." + key + " " + parsed.complaint,
           key + " is " + describe(field));
  }
  section.settings.set(key, *parsed.value);
  section.origins[key] = origin;
}

[[noreturn]] void refuse_key(const ResolvedSection& section,
                             const ConfigEntry& entry) {
  std::string message =
      "unknown key '" + entry.key + "' in [" + section.name + "]";
  if (!section.plugin.empty()) {
    message += " with the plugin '" + section.plugin + "'";
  }
  refuse(
      entry.origin, message,
      known_names_hint(entry.key, section.settings.fields().names(), "keys"));
}

ResolvedSection started(const SectionKind& kind, const MergedSection& written,
                        const FieldList& fields) {
  ResolvedSection section;
  section.name = written.name;
  section.kind = kind.name;
  section.instance = split_section(written.name).instance;
  section.plugin_kind = kind.plugin_kind;
  section.origin = written.origin;
  section.settings = Settings(fields);
  for (const Field& field : fields.all()) section.origins[field.name] = {};
  return section;
}

struct ChosenPlugin {
  std::string name;
  Origin origin;
};

// What the section's own name stands for where no key names the plugin.
ChosenPlugin implied_plugin(const SectionKind& kind,
                            const MergedSection& written) {
  if (kind.naming != SectionNaming::named) return {};
  return {split_section(written.name).instance, written.origin};
}

// The plugin in force as seen from `layer`; an empty name where there is none.
ChosenPlugin plugin_seen_from(const SectionKind& kind,
                              const MergedSection& written,
                              const GeneralSection& general,
                              std::size_t layer) {
  const auto* own = written.plugin_at(layer);
  if (own != nullptr && !own->name.empty()) return {own->name, own->origin};
  if (own == nullptr && general.written != nullptr) {
    const auto* inherited = general.written->plugin_at(layer);
    if (inherited != nullptr) return {inherited->name, inherited->origin};
  }
  return implied_plugin(kind, written);
}

constexpr std::size_t kHighestLayer = static_cast<std::size_t>(-1);

const PluginInfo& chosen_info(const SectionKind& kind,
                              const MergedSection& written,
                              const ChosenPlugin& chosen,
                              const PluginList& plugins) {
  if (chosen.name.empty()) {
    refuse(written.origin, "[" + written.name + "] names no plugin",
           "add the key plugin; " +
               known_names_hint("", plugins.names(kind.plugin_kind),
                                kind.plugin_kind + " plugins"));
  }
  return require_plugin(plugins, kind.plugin_kind, chosen.name,
                        chosen.origin.place() + ": [" + written.name + "]");
}

std::string drop_notice(const std::string& section, const std::string& key,
                        const std::string& plugin, const Origin& origin) {
  return origin.place() + ": key '" + key + "' of [" + section +
         "] is dropped: the plugin '" + plugin + "' does not know it";
}

// Keys that [encoder] sets and [encoder.NAME] does not.
void inherit(ResolvedSection& section, const MergedSection& written,
             const ResolvedSection& general,
             std::vector<std::string>& notices) {
  for (const Field& field : general.settings.fields().all()) {
    const Origin& origin = general.origins.at(field.name);
    const bool is_set = origin.kind != Origin::Kind::default_value;
    if (!is_set || field.name == "plugin" || written.find(field.name)) continue;
    const FieldValue& value = general.settings.value(field.name);
    if (section.settings.has(field.name)) {
      set_value(section, field.name, to_text(value), origin);
    } else if (value != field.default_value) {
      notices.push_back(
          drop_notice(general.name, field.name, section.plugin, origin) +
          " (for [" + section.name + "])");
    }
  }
}

// A plugin that is not here any more may have known anything.
bool knew(const SectionKind& kind, const PluginList& plugins,
          const std::string& plugin, const std::string& key) {
  const PluginInfo* info = plugins.find(kind.plugin_kind, plugin);
  return info == nullptr || info->fields.find(key) != nullptr;
}

}  // namespace

ResolvedSection resolve_section(const SectionKind& kind,
                                const MergedSection& written,
                                const GeneralSection& general,
                                const PluginList& plugins,
                                std::vector<std::string>& notices) {
  const PluginInfo* info = nullptr;
  ChosenPlugin chosen;
  if (!kind.plugin_kind.empty()) {
    chosen = plugin_seen_from(kind, written, general, kHighestLayer);
    info = &chosen_info(kind, written, chosen, plugins);
  }
  ResolvedSection section = started(kind, written, section_fields(kind, info));
  if (info != nullptr) {
    section.plugin = info->name;
    section.settings.set("plugin", info->name);
    const bool is_typed = written.plugin() != nullptr || general.written;
    section.origins["plugin"] = is_typed ? chosen.origin : Origin{};
  } else if (written.plugin() != nullptr) {
    refuse(written.plugin()->origin, "[" + written.name + "] has no plugin",
           "");
  }
  if (general.resolved != nullptr) {
    inherit(section, written, *general.resolved, notices);
  }
  for (const auto& [entry, layer] : written.entries) {
    const std::string then =
        plugin_seen_from(kind, written, general, layer).name;
    if (section.settings.has(entry.key)) {
      set_value(section, entry.key, entry.text, entry.origin);
    } else if (then != section.plugin && knew(kind, plugins, then, entry.key)) {
      notices.push_back(
          drop_notice(section.name, entry.key, section.plugin, entry.origin));
    } else {
      refuse_key(section, entry);
    }
  }
  return section;
}

namespace {

const ResolvedSection& prior_of(const MergedSection& written,
                                const ResolvedConfig& so_far) {
  std::vector<std::string> names;
  for (const ResolvedSection* prior : so_far.of_kind("fitted_prior")) {
    names.push_back(prior->instance);
  }
  const MergedEntry* of = written.find("of");
  if (of == nullptr || of->entry.text.empty()) {
    refuse(written.origin,
           "[" + written.name + "] does not say which fitted prior it is of",
           "add the key of; " + known_names_hint("", names, "fitted priors"));
  }
  const std::string& name = of->entry.text;
  if (const auto* prior = so_far.find("fitted_prior." + name)) return *prior;
  refuse(of->entry.origin,
         written.name + ".of: the config has no [fitted_prior." + name + "]",
         known_names_hint(name, names, "fitted priors"));
}

FieldList source_fields(const SectionKind& kind, const ResolvedSection& prior) {
  FieldList fields = host_fields(kind);
  for (const Field& field : prior.settings.fields().all()) {
    if (!field.changes_after_training || fields.find(field.name)) continue;
    Field copy = field;
    copy.default_value = prior.settings.value(field.name);
    fields.add(copy);
  }
  return fields;
}

void check_tuning(const SectionKind& kind, const ResolvedSection& section) {
  const Settings& settings = section.settings;
  const std::string& key = settings.text("tune");
  const std::vector<std::string>& values = settings.list("tune_values");
  const FieldList of_host = host_fields(kind);
  if (key.empty()) {
    const bool is_unsaid =
        section.origins.at("tune").kind == Origin::Kind::default_value;
    if (values.empty() || !is_unsaid) return;
    refuse(section.origins.at("tune_values"),
           section.name + ".tune_values without tune",
           "name the key that takes these values with tune");
  }
  const Field* field = settings.fields().find(key);
  if (field == nullptr || of_host.find(key) != nullptr) {
    std::vector<std::string> names = settings.fields().names();
    std::erase_if(names, [&](const auto& name) { return of_host.find(name); });
    refuse(section.origins.at("tune"),
           section.name + ".tune: '" + key + "' cannot be tuned",
           known_names_hint(key, names, "keys that change after training"));
  }
  if (values.empty()) {
    refuse(section.origins.at("tune"),
           section.name + ".tune without tune_values",
           "list the values to try with tune_values");
  }
  for (const std::string& value : values) {
    const ParsedValue parsed = parse_value(*field, value);
    if (parsed.value) continue;
    refuse(section.origins.at("tune_values"),
           section.name + ".tune_values: " + key + " " + parsed.complaint,
           key + " is " + describe(*field));
  }
}

}  // namespace

ResolvedSection resolve_latent_source(const SectionKind& kind,
                                      const MergedSection& written,
                                      const ResolvedConfig& so_far) {
  const ResolvedSection& prior = prior_of(written, so_far);
  ResolvedSection section = started(kind, written, source_fields(kind, prior));
  const FieldList of_host = host_fields(kind);
  for (const Field& field : section.settings.fields().all()) {
    if (of_host.find(field.name) != nullptr) continue;
    section.origins[field.name] = prior.origins.at(field.name);
  }
  if (written.plugin() != nullptr) {
    refuse(written.plugin()->origin,
           "[" + written.name + "] takes its plugin from the fitted prior",
           "remove the key plugin");
  }
  for (const MergedEntry& merged : written.entries) {
    const ConfigEntry& entry = merged.entry;
    const bool fixed =
        prior.settings.has(entry.key) && !section.settings.has(entry.key);
    if (fixed) {
      refuse(entry.origin,
             "key '" + entry.key + "' of [" + section.name +
                 "] cannot change after training",
             known_names_hint(entry.key, section.settings.fields().names(),
                              "keys"));
    }
    if (!section.settings.has(entry.key)) refuse_key(section, entry);
    set_value(section, entry.key, entry.text, entry.origin);
  }
  check_tuning(kind, section);
  return section;
}

}  // namespace shalab
