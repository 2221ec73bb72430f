#pragma once
// What one key says about another section. A part of resolve.

#include <string>
#include <vector>

#include "config/resolve.h"

namespace shalab {

// Names that evaluate.latent_sources may hold: training_prior, posterior, the
// fitted priors and the latent sources.
std::vector<std::string> latent_source_names(const ResolvedConfig& config);

// Refuses an unknown or repeated evaluate.latent_sources item, a fitted prior
// or latent source whose name is taken, and a malformed run.device.
void check_across(const ResolvedConfig& config);

// `evaluate RUN key=value`: what may differ from the config of the trained
// run is [evaluate], [metric.*], [latent_source.*] and every key that changes
// after training (run.device, threads and precision among them). Throws
// Error(usage) that lists all other keys and sections that differ.
void check_after_training(const ResolvedConfig& trained,
                          const ResolvedConfig& wanted);

}  // namespace shalab
