#pragma once
// What a run is lent by whoever starts it.

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/collective.h"
#include "model/device.h"
#include "model/work_graph.h"
#include "shalab/measurement.h"
#include "shalab/services.h"

namespace shalab {

struct TermPoint {
  std::string stage;  // "first_stage", "fitted_prior.diffusion"
  std::int64_t step = 0;
  std::string name;  // a term's name, "learning_rate", ...
  double value = 0.0;
};

// Where a run's numbers go. `run` knows no database: `command` connects this
// to it. Calls return soon; durability is the sink's business. [main]
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void curves(const std::vector<TermPoint>& points) = 0;
  virtual void measurements(const std::vector<Measurement>& rows) = 0;
  virtual void artifact(const std::string& kind,
                        const std::filesystem::path& file) = 0;
  // Everything handed over is safe when this returns. Called before a
  // checkpoint is written, so that no record is older than a checkpoint.
  virtual void flush() = 0;
};

struct RunContext {
  Services services;
  Sink* sink = nullptr;
  std::filesystem::path folder;  // runs/<id>
  c10::Device device = c10::kCPU;
  Precision precision = Precision::fp32;
  std::uint64_t seed = 1;
  // Of a data-parallel run; null: this process trains alone. Ranks other than
  // 0 have no sink.
  Collective* collective = nullptr;
  // Records work that draws from a generator; empty or null: steps run kernel
  // by kernel.
  std::function<std::unique_ptr<WorkGraph>(at::Generator)> make_graph;
  // Folder of another run by id, unique prefix or name (first_stage.run).
  std::function<std::filesystem::path(const std::string&)> find_run;
};

// Whether this process writes and measures: it is alone, or rank 0.
inline bool is_lead(const RunContext& context) {
  return context.collective == nullptr || context.collective->is_lead();
}

// Whether a stop is asked for, at any rank: then all stop at the same step.
inline bool is_cancelled(const RunContext& context) {
  const auto* cancel = context.services.cancel;
  const bool own = cancel != nullptr && cancel->cancelled();
  return context.collective == nullptr ? own : context.collective->any(own);
}

enum class Outcome { finished, cancelled };

}  // namespace shalab
