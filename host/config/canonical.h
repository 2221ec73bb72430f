#pragma once
// A resolved config as text, and hashes of it.

#include <map>
#include <string>

#include "config/resolve.h"

namespace shalab {

// An INI text with every section and every key, defaults included, in a fixed
// order. Resolving it again gives the same settings and the same text.
std::string canonical_text(const ResolvedConfig& config);

// SHA-256 (hex) of all settings except run.seed, run.name, run.device,
// run.threads, run.memory_format, run.data and run.devices = 1, whatever the
// order of fitted priors, latent sources and metrics: equal for replicates.
std::string config_hash(const ResolvedConfig& config);
// The same, a digest for each section by its name.
std::map<std::string, std::string> section_hashes(const ResolvedConfig& config);
// SHA-256 (hex) of canonical_text.
std::string full_hash(const ResolvedConfig& config);

// For `shalab check`: every key with its value and origin in aligned columns,
//   [train]
//   epochs     = 3      # command line
// A config file too: origins stand in comments.
std::string check_text(const ResolvedConfig& config);

}  // namespace shalab
