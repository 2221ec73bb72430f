#pragma once
// A run's numbers on their way into the results database.

#include <filesystem>
#include <string>

#include "results/batched_writer.h"
#include "results/run_store.h"
#include "run/context.h"

namespace shalab {

// The sink of one attempt: curves and measurements in batches, artifacts at
// once. [main]
class Recorder : public Sink {
 public:
  Recorder(RunStore& store, std::string run_id, std::int64_t attempt,
           std::filesystem::path run_folder, Logger& logger);

  void curves(const std::vector<TermPoint>& points) override;
  void measurements(const std::vector<Measurement>& rows) override;
  void artifact(const std::string& kind,
                const std::filesystem::path& file) override;
  void flush() override;

 private:
  RunStore& store_;
  std::string run_id_;
  std::int64_t attempt_;
  std::filesystem::path run_folder_;
  BatchedWriter writer_;
};

}  // namespace shalab
