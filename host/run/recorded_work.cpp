#include "run/recorded_work.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace shalab {

RecordedWork::RecordedWork(std::unique_ptr<WorkGraph> graph, std::string what,
                           Logger& logger)
    : graph_(std::move(graph)), what_(std::move(what)), logger_(logger) {}

void RecordedWork::run(std::int64_t phase, const Work& work,
                       const Check& check) {
  if (phase != phase_) {
    phase_ = phase;
    warm_ = 0;
    is_recorded_ = false;
  }
  if (graph_ != nullptr && !is_recorded_ && warm_ == kWarmUp) {
    record(work);
    if (is_recorded_ && passes(check)) return;
  }
  if (is_recorded_) {
    graph_->replay();
    return;
  }
  warm_ = work() ? warm_ + 1 : 0;
  warm_ = std::min(warm_, kWarmUp);
}

void RecordedWork::record(const Work& work) {
  try {
    graph_->record([work] { work(); });
    is_recorded_ = true;
    logger_.info(what_ + ": recorded, " +
                 std::to_string(graph_->num_kernels()) + " kernels");
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

bool RecordedWork::passes(const Check& check) {
  const auto difference = check([this] { graph_->replay(); });
  if (!difference.empty()) give_up(difference);
  return difference.empty();
}

void RecordedWork::give_up(const std::string& why) {
  graph_.reset();
  is_recorded_ = false;
  logger_.warn(what_ + " is not recorded and runs kernel by kernel: " + why);
}

std::int64_t RecordedWork::num_kernels() const {
  return is_recorded_ ? graph_->num_kernels() : 0;
}

}  // namespace shalab
