#pragma once
// The rows of the results database as plain structs. Times are UTC text,
// "2026-08-01T12:43:49.123Z"; docs/results_schema.md explains each column.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shalab/measurement.h"

namespace shalab {

enum class RunState {
  queued,     // recorded, not started
  running,    // has a process
  finished,   // all stages and measurements done
  failed,     // stopped by an error
  killed,     // stopped by a signal
  preempted,  // checkpointed and stopped on purpose; resume goes on
  stale       // its process is gone without a word; the evidence is in `error`
};
const char* to_string(RunState state);
RunState run_state_from_text(const std::string& text);  // or Error(database)
Direction direction_from_text(const std::string& text);

struct ConfigValue {
  std::string key;     // "train.batch_size"
  std::string value;   // resolved text
  std::string origin;  // "shala.ini:12", "command line", "default"
};

// `kind` is the config section's: dataset, encoder, fusion, objective, prior,
// fitted_prior, refiner, metric.
struct RunPlugin {
  std::string kind;
  std::string name;
  std::int64_t revision = 0;
  std::string file_digest;
};

struct RunRecord {
  std::string id;  // empty: create_run makes one
  std::string name;
  std::string experiment;  // path of the config file
  std::int64_t seed = 0;
  std::string config_hash;  // of the resolved config without the seed
  std::string note;         // printed under every table, e.g. substitute data
  std::vector<ConfigValue> config;
  std::vector<RunPlugin> plugins;
};

// Where an attempt goes on. Curve points of older attempts that lie after
// `step` in `stage`, and whole stages run again, are superseded.
struct ResumePoint {
  std::string stage;
  std::int64_t step = 0;
};

struct CurvePoint {
  std::string stage;  // "train", "fitted_prior.diffusion"
  std::int64_t step = 0;
  std::string name;    // "loss"
  double value = 0.0;  // a value that is not finite is stored as NULL
};

struct Artifact {
  std::string kind;  // "checkpoint", "samples", ...
  std::string path;  // relative to the run folder
  std::string sha256;
  std::int64_t bytes = 0;
};

// The present time. [any thread]
std::string utc_now();

}  // namespace shalab
