#pragma once
// Times of a model's networks, and where choices made by them are kept.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "model/tensors_of.h"
#include "run/experiment.h"

namespace shalab {

// Times passes on the first training tuples. While it lives the weights get
// gradients; at its end weights and buffers are as they were.
class ExecutionTiming {
 public:
  ExecutionTiming(Experiment& experiment, const RunContext& context);
  ~ExecutionTiming();
  ExecutionTiming(const ExecutionTiming&) = delete;
  ExecutionTiming& operator=(const ExecutionTiming&) = delete;

  // Seconds of encoding, decoding and the backward pass of a modality; the
  // least of a few passes, of one where a pass is long.
  double seconds_of(const std::string& modality) const;
  // The sum over all modalities.
  double seconds_of_all() const;

 private:
  double seconds_of(std::size_t m) const;
  void pass(std::size_t m) const;

  Experiment& experiment_;
  const RunContext& context_;
  Batch batch_;
  NamedTensors weights_;
};

// <cache folder>/execution/<digest>.json, the digest being one of the settings
// of data, networks, batch size, precision and threads, and of the processor.
class ExecutionCache {
 public:
  ExecutionCache(const Experiment& experiment, const RunContext& context);

  // Nothing where none is kept, or what is kept cannot be parsed.
  std::optional<nlohmann::json> read() const;
  // A cache that cannot be written costs time, not the run.
  void write(const nlohmann::json& choice) const;

 private:
  const RunContext& context_;
  std::filesystem::path file_;
};

}  // namespace shalab
