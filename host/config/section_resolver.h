#pragma once
// One merged section -> typed settings. A part of resolve.

#include <string>
#include <vector>

#include "config/host_fields.h"
#include "config/merge.h"
#include "config/resolve.h"

namespace shalab {

// [encoder] as written and as resolved, for [encoder.NAME] to inherit from.
struct GeneralSection {
  const MergedSection* written = nullptr;
  const ResolvedSection* resolved = nullptr;
};

// The section with its plugin's keys. A key that the final plugin does not
// know is dropped with a notice when the plugin in force at its layer knew it,
// and refused otherwise.
ResolvedSection resolve_section(const SectionKind& kind,
                                const MergedSection& written,
                                const GeneralSection& general,
                                const PluginList& plugins,
                                std::vector<std::string>& notices);

// [latent_source.NAME]: the host's keys and those keys of the fitted prior it
// is `of` which change after training, at that prior's values.
ResolvedSection resolve_latent_source(const SectionKind& kind,
                                      const MergedSection& written,
                                      const ResolvedConfig& so_far);

}  // namespace shalab
