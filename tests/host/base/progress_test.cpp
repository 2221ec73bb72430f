#include "base/progress.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace shalab {
namespace progress_test {

ProgressState half_way() {
  ProgressState state;
  state.stage = "train";
  state.done = 50;
  state.total = 100;
  state.seconds = 5.0;  // 10/s, so 50 more take 5 s
  return state;
}

// A display with a clock and a screen of its own.
class Display : public testing::Test {
 protected:
  ProgressOptions options(ProgressStyle style) {
    ProgressOptions made;
    made.style = style;
    made.write = [this](const std::string& text) { screen_ += text; };
    made.now = [this] { return now_; };
    return made;
  }

  std::string screen_;
  double now_ = 100.0;
};

TEST(Duration, IsMinutesAndSecondsThenHours) {
  EXPECT_EQ(duration_text(0.4), "0:00");
  EXPECT_EQ(duration_text(65.0), "1:05");
  EXPECT_EQ(duration_text(3599.6), "1:00:00");
  EXPECT_EQ(duration_text(10921.0), "3:02:01");
}

TEST(ProgressText, GivesShareCountRateAndTimeLeft) {
  ProgressState state = half_way();
  state.extra = "loss 3";
  EXPECT_EQ(progress_text(state), "train: 50% 50/100, 10/s, ETA 0:05, loss 3");
}

TEST(ProgressText, GivesNoShareWithoutATotal) {
  ProgressState state = half_way();
  state.total = 0;
  EXPECT_EQ(progress_text(state), "train: 50, 10/s");
}

TEST(ProgressBar, FillsHalfAtHalf) {
  EXPECT_EQ(progress_bar(half_way(), 200),
            "train  [############............]   50%  50/100  10/s  ETA 0:05");
}

TEST(ProgressBar, NeverExceedsTheWidth) {
  for (int width = 0; width < 90; ++width) {
    EXPECT_LE(progress_bar(half_way(), width).size(),
              static_cast<std::size_t>(width));
  }
}

TEST_F(Display, PrintsAPlainLineAtMostEveryTenSeconds) {
  ProgressDisplay display(options(ProgressStyle::plain));
  display.begin("train", 100);
  for (int done = 1; done <= 50; ++done) {
    now_ += 0.5;
    display.update(done);
  }
  EXPECT_EQ(screen_,
            "train: 20% 20/100, 2.00/s, ETA 0:40\n"
            "train: 40% 40/100, 2.00/s, ETA 0:30\n");
}

TEST_F(Display, SaysNothingOfAShortPlainStage) {
  ProgressDisplay display(options(ProgressStyle::plain));
  display.begin("train", 2);
  display.update(1);
  display.end();
  EXPECT_EQ(screen_, "");
}

TEST_F(Display, IsSilentWhenAsked) {
  ProgressDisplay display(options(ProgressStyle::silent));
  display.begin("train", 10);
  now_ += 100.0;
  display.update(5);
  display.report("EM", 5, 10);
  display.end();
  EXPECT_EQ(screen_, "");
}

TEST_F(Display, RedrawsItsBarAndTakesItOffForALogLine) {
  ProgressDisplay display(options(ProgressStyle::bar));
  display.begin("train", 10);
  now_ += 1.0;
  display.update(5);
  EXPECT_EQ(screen_.rfind("\r\033[Ktrain  [", 0), 0u);
  screen_.clear();
  display.hide();
  display.hide();
  EXPECT_EQ(screen_, "\r\033[K");
}

TEST_F(Display, OpensAStageForAReportAndEndsItWhenDone) {
  ProgressDisplay display(options(ProgressStyle::plain));
  display.report("EM iterations", 1, 4);
  now_ += 20.0;
  display.report("EM iterations", 2, 4);
  now_ += 20.0;
  display.report("EM iterations", 4, 4);
  EXPECT_NE(screen_.find("EM iterations: 50% 2/4"), std::string::npos);
  EXPECT_NE(screen_.find("EM iterations: 100% 4/4"), std::string::npos);
}

}  // namespace progress_test
}  // namespace shalab
