#pragma once
// One number, with everything needed to audit it. No tensors.

#include <cstdint>
#include <string>

namespace shalab {

enum class Direction { higher, lower, none };
std::string to_string(Direction direction);

// A row of the table `measurements` (design 7), less run_id and attempt.
// A metric fills name .. fingerprint; the host stamps latent_source,
// generation, nfe and seconds. Measurements with different `fingerprint` or
// `protocol` are never averaged or ranked together.
struct Measurement {
  std::string name;    // "joint_coherence"; identifier characters
  double value = 0.0;  // finite; a metric that has none reports none
  std::string unit;    // "share", "nats", "dB", ...
  Direction direction = Direction::none;
  // "" = joint, and routes that see all of x; "m0+m2" = given these;
  // "one" = the mean over all subsets of one modality
  std::string source_subset;
  std::string target_modality;  // "" = all targets of the metric
  std::string split;            // "train", "validation", "test"
  std::int64_t num_samples = 0;
  double spread = 0.0;        // standard error of `value`; 0 = not estimated
  std::string protocol;       // "mmvaeplus"
  std::string fingerprint;    // judge digest, extractor, preprocessing, data
  std::string latent_source;  // training_prior, posterior, or a fitted prior
  std::string generation;     // "unipc2 steps=10 guidance=2"
  std::int64_t nfe = 0;       // network evaluations per sample, all networks
  double seconds = 0.0;       // wall time of generating the task's samples
};

}  // namespace shalab
