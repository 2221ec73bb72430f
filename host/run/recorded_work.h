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
// then the work is recorded once and replayed. Where recording fails, or the
// first replay does not do what the work does, all goes on as it is, and the
// log says why. [main]
class RecordedWork {
 public:
  // Work on tensors that stay where they are between two runs. Returns whether
  // it asked for nothing but them, so that a replay computes the same.
  using Work = std::function<bool()>;
  // Compares the work with a replay (run/replay_check.h). "": they agree, and
  // one replay is done; otherwise what differs, and nothing is done.
  using Check = std::function<std::string(const std::function<void()>& replay)>;

  static constexpr std::int64_t kWarmUp = 3;  // runs before the recording

  // Without a graph every run is as it is. `what` is for the log.
  RecordedWork(std::unique_ptr<WorkGraph> graph, std::string what,
               Logger& logger);

  // What is recorded is replayed within one phase; another begins anew.
  // `check` is asked once, after each recording.
  void run(std::int64_t phase, const Work& work, const Check& check);

  bool is_recorded() const { return is_recorded_; }
  // Of a replay; 0 before the recording.
  std::int64_t num_kernels() const;

 private:
  void record(const Work& work);
  // Whether the recording holds, and has been replayed once.
  bool passes(const Check& check);
  void give_up(const std::string& why);

  std::unique_ptr<WorkGraph> graph_;
  std::string what_;
  Logger& logger_;
  std::int64_t phase_ = 0;
  std::int64_t warm_ = 0;
  bool is_recorded_ = false;
};

}  // namespace shalab
