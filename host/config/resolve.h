#pragma once
// Config file, bases and command line -> typed settings of every section.
//
// Precedence: command line, file, base, defaults. All errors are Error(usage)
// whose message begins with the place ("exp.ini:12: " or "argument '...': ")
// and whose hint names the nearest valid words.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config_file.h"
#include "config/plugin_info.h"
#include "shalab/fields.h"

namespace shalab {

struct ResolvedSection {
  std::string name;         // "fitted_prior.small"
  std::string kind;         // "fitted_prior"
  std::string instance;     // "small"; "" for [encoder] and single sections
  std::string plugin;       // "diffusion"; "" for host sections
  std::string plugin_kind;  // "prior"; "" for host sections
  Origin origin;            // of the section itself
  // The plugin's keys, the host's keys of this section and `plugin`.
  Settings settings;
  std::map<std::string, Origin> origins;  // one for every key of settings
};

struct ResolvedConfig {
  // In canonical order; host sections are always there. [encoder.NAME] holds
  // [encoder] merged with what overrides it. Fitted priors, latent sources
  // and metrics keep the order in which they were written.
  std::vector<ResolvedSection> sections;
  // What was changed without being asked for, a sentence each, with place.
  std::vector<std::string> notices;

  const ResolvedSection* find(const std::string& name) const;
  const ResolvedSection& at(const std::string& name) const;  // must be there
  std::vector<const ResolvedSection*> of_kind(const std::string& kind) const;
  bool has(const std::string& name) const { return find(name) != nullptr; }
  // Settings of a section that is always there: "run", "train", ...
  const Settings& settings(const std::string& name) const {
    return at(name).settings;
  }
};

// `arguments` are overrides as typed. An empty run.name becomes the file's
// stem.
ResolvedConfig resolve_file(const std::filesystem::path& path,
                            const std::vector<std::string>& arguments,
                            const PluginList& plugins);
// The same for a text without base, such as the config stored with a run;
// `file` names it in messages.
ResolvedConfig resolve_text(std::string_view text, const std::string& file,
                            const std::vector<std::string>& arguments,
                            const PluginList& plugins);

// Refuses [encoder.NAME] and [refiner.NAME] whose NAME is no modality.
void check_modalities(const ResolvedConfig& config,
                      const std::vector<std::string>& names);

// [encoder.NAME] where there is one, else [encoder]. Throws Error(usage) when
// neither is there.
const ResolvedSection& encoder_settings(const ResolvedConfig& config,
                                        const std::string& modality);
// The same for refiners; null where the modality has none.
const ResolvedSection* refiner_settings(const ResolvedConfig& config,
                                        const std::string& modality);

}  // namespace shalab
