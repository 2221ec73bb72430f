#pragma once
// Which of several equivalent ways the networks are computed in: results agree
// up to rounding, times do not.

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "run/experiment.h"

namespace shalab {

// threads: CPU threads of tensor operations. memory_formats: by modality whose
// networks hold convolutions, "channels_last" or "contiguous".
struct Execution {
  std::int64_t threads = 0;
  std::map<std::string, std::string> memory_formats;

  bool operator==(const Execution&) const = default;
};

nlohmann::json to_json(const Execution& execution);
// Error(resume) where `json` is none.
Execution execution_from(const nlohmann::json& json);

// What run.threads and run.memory_format say. Where they leave it open (0,
// measured), forward and backward passes of each modality's networks on one
// batch are timed, those of equal networks together: first the formats, then
// half the cores, a quarter, ... A choice other than all cores and
// channels_last must be faster by more than kLeastGain. What was measured is kept in <cache folder>/execution by
// networks, batch, precision and processor, so that equal runs on one machine
// compute the same bits. Nothing is measured on a GPU, on several devices or
// under run.deterministic. Weights, buffers and generators stay as they are.
// [main]
inline constexpr double kLeastGain = 0.05;
Execution choose_execution(Experiment& experiment, const RunContext& context);

// Before an optimiser holds the weights.
void apply(const Execution& execution, Experiment& experiment);

// "2 threads; channels_last: m0 m1; contiguous: m2"
std::string to_text(const Execution& execution);

}  // namespace shalab
