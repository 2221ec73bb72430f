#pragma once
// A recording for tests without a GPU: a replay does the work again.

#include <stdexcept>
#include <string>

#include "model/work_graph.h"

namespace shalab {

class ReplayingGraph final : public WorkGraph {
 public:
  static constexpr std::int64_t kKernels = 7;

  struct Counts {
    int records = 0;
    int replays = 0;
    std::string refusal;     // thrown by record where not empty
    int times_a_replay = 1;  // how often a replay does the work
  };

  explicit ReplayingGraph(Counts& counts) : counts_(counts) {}

  void record(const std::function<void()>& work) override {
    ++counts_.records;
    if (!counts_.refusal.empty()) throw std::runtime_error(counts_.refusal);
    work_ = work;
  }
  void replay() override {
    ++counts_.replays;
    for (int i = 0; i < counts_.times_a_replay; ++i) work_();
  }
  std::int64_t num_kernels() const override { return kKernels; }

 private:
  Counts& counts_;
  std::function<void()> work_;
};

}  // namespace shalab
