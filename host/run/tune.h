#pragma once
// Choosing a sampler setting on draws that the evaluation does not use.

#include <string>
#include <vector>

#include "run/evaluate.h"
#include "run/experiment.h"

namespace shalab {

struct Tuned {
  LatentSource source;  // under the chosen value
  std::string key;
  std::string value;
  // Of every tried value: the tuned measurement, split "validation".
  std::vector<Measurement> tried;
};

// For a [latent_source.NAME] with `tune`: measures tune_by with each of
// tune_values on the validation split (tune_samples draws, a generator of the
// purpose "tune"), and takes the best by the measurement's direction; the
// first of equals. Throws Error(usage) when no metric measures tune_by.
Tuned tune(const Experiment& experiment, const GenerationView& view,
           const std::string& name);

// True when [latent_source.NAME] exists and asks for tuning.
bool is_tuned(const Experiment& experiment, const std::string& name);

}  // namespace shalab
