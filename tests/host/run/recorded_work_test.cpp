#include "run/recorded_work.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "replaying_graph.h"

namespace shalab {
namespace recorded_work_test {

class Lines final : public Logger {
 public:
  void debug(const std::string&) override {}
  void info(const std::string& message) override { said += message + "\n"; }
  void warn(const std::string& message) override {
    said += "warning: " + message + "\n";
  }
  std::string said;
};

// As replay_difference where nothing differs.
std::string agrees(const std::function<void()>& replay) {
  replay();
  return "";
}

TEST(RecordedWork, IsRecordedAfterTheWarmUp) {
  Lines lines;
  ReplayingGraph::Counts counts;
  RecordedWork recorded(std::make_unique<ReplayingGraph>(counts), "a step",
                        lines);
  int done = 0;
  for (int i = 0; i < 6; ++i) {
    recorded.run(
        0, [&] { return ++done > 0; }, agrees);
    EXPECT_EQ(recorded.is_recorded(), i >= RecordedWork::kWarmUp) << i;
  }
  EXPECT_EQ(done, 6);
  EXPECT_EQ(counts.records, 1);
  EXPECT_EQ(counts.replays, 3);
  EXPECT_EQ(recorded.num_kernels(), ReplayingGraph::kKernels);
  EXPECT_NE(lines.said.find("a step: recorded"), std::string::npos);
}

TEST(RecordedWork, IsNotRecordedWhileItReadsMoreThanItsTensors) {
  Lines lines;
  ReplayingGraph::Counts counts;
  RecordedWork recorded(std::make_unique<ReplayingGraph>(counts), "a step",
                        lines);
  for (int i = 0; i < 12; ++i) {
    recorded.run(
        0, [&] { return i >= 5; }, agrees);
    EXPECT_EQ(recorded.is_recorded(), i >= 5 + RecordedWork::kWarmUp) << i;
  }
}

TEST(RecordedWork, BeginsAnewInAnotherPhase) {
  Lines lines;
  ReplayingGraph::Counts counts;
  RecordedWork recorded(std::make_unique<ReplayingGraph>(counts), "a step",
                        lines);
  std::vector<int> seen;
  for (int i = 0; i < 12; ++i) {
    const int phase = i < 6 ? 0 : 1;
    recorded.run(
        phase,
        [&seen, phase] {
          seen.push_back(phase);
          return true;
        },
        agrees);
  }
  EXPECT_EQ(counts.records, 2);
  EXPECT_EQ(seen, (std::vector<int>{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}));
}

TEST(RecordedWork, GoesOnAsItIsWhereRecordingFailsAndSaysWhy) {
  Lines lines;
  ReplayingGraph::Counts counts;
  counts.refusal = "operation not permitted when stream is capturing";
  RecordedWork recorded(std::make_unique<ReplayingGraph>(counts), "a step",
                        lines);
  int done = 0;
  for (int i = 0; i < 8; ++i)
    recorded.run(
        0, [&] { return ++done > 0; }, agrees);
  EXPECT_EQ(done, 8);
  EXPECT_EQ(counts.records, 1);
  EXPECT_FALSE(recorded.is_recorded());
  EXPECT_NE(lines.said.find("warning: a step is not recorded"),
            std::string::npos);
  EXPECT_NE(lines.said.find(counts.refusal), std::string::npos);
}

TEST(RecordedWork, GoesOnAsItIsWhereAReplayDiffersAndSaysWhy) {
  Lines lines;
  ReplayingGraph::Counts counts;
  RecordedWork recorded(std::make_unique<ReplayingGraph>(counts), "a step",
                        lines);
  int done = 0;
  const auto differs = [](const auto&) -> std::string { return "off by 3"; };
  for (int i = 0; i < 8; ++i) {
    recorded.run(
        0, [&] { return ++done > 0; }, differs);
  }
  EXPECT_EQ(done, 8);
  EXPECT_EQ(counts.records, 1);
  EXPECT_EQ(counts.replays, 0);
  EXPECT_FALSE(recorded.is_recorded());
  EXPECT_NE(lines.said.find("warning: a step is not recorded"),
            std::string::npos);
  EXPECT_NE(lines.said.find("off by 3"), std::string::npos);
}

TEST(RecordedWork, WithoutAGraphIsTheWork) {
  Lines lines;
  RecordedWork recorded(nullptr, "a step", lines);
  int done = 0;
  for (int i = 0; i < 8; ++i)
    recorded.run(
        0, [&] { return ++done > 0; }, agrees);
  EXPECT_EQ(done, 8);
  EXPECT_EQ(recorded.num_kernels(), 0);
}

}  // namespace recorded_work_test
}  // namespace shalab
