#pragma once
// Runs a piece of work again and again, recorded where that is possible.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "model/work_graph.h"
#include "shalab/services.h"

namespace shalab {

// The first times run as they are, so that libraries choose their kernels;
// then the work is recorded once and replayed. Where recording fails, all goes
// on as it is, and the log says why. [main]
class RecordedWork {
 public:
  // Work on tensors that stay where they are between two runs. Returns whether
  // it asked for nothing but them, so that a replay computes the same.
  using Work = std::function<bool()>;

  static constexpr std::int64_t kWarmUp = 3;  // runs before the recording

  // Without a graph every run is as it is. `what` is for the log.
  RecordedWork(std::unique_ptr<WorkGraph> graph, std::string what,
               Logger& logger);

  // What is recorded is replayed within one phase; another begins anew.
  void run(std::int64_t phase, const Work& work);

  bool is_recorded() const { return is_recorded_; }
  // Of a replay; 0 before the recording.
  std::int64_t num_kernels() const;

 private:
  void record(const Work& work);

  std::unique_ptr<WorkGraph> graph_;
  std::string what_;
  Logger& logger_;
  std::int64_t phase_ = 0;
  std::int64_t warm_ = 0;
  bool is_recorded_ = false;
};

}  // namespace shalab
