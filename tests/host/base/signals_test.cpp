#include "base/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace shalab {
namespace signals_test {

TEST(Signals, FirstOneSetsTheTokenAndIsRemembered) {
  const CancelToken& token = install_signal_handlers();
  forget_caught_signal();
  EXPECT_FALSE(token.cancelled());
  raise(SIGTERM);
  EXPECT_TRUE(token.cancelled());
  EXPECT_EQ(caught_signal(), SIGTERM);
  raise(SIGTERM);
  EXPECT_EQ(caught_signal(), SIGTERM);
  forget_caught_signal();
  EXPECT_FALSE(token.cancelled());
}

TEST(Signals, SecondInterruptLeavesAtOnceWith130) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto interrupt_twice = [] {
    install_signal_handlers();
    raise(SIGINT);
    raise(SIGINT);
  };
  EXPECT_EXIT(interrupt_twice(), testing::ExitedWithCode(130), "");
}

TEST(Signals, ABrokenPipeEndsNothing) {
  install_signal_handlers();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  close(ends[1]);
}

TEST(Signals, ExitCodesAreTheShells) {
  EXPECT_EQ(exit_code_of_signal(SIGINT), 130);
  EXPECT_EQ(exit_code_of_signal(SIGTERM), 143);
}

TEST(Signals, AStoppedMeasurementLeavesWithItsSignal) {
  const CancelToken& token = install_signal_handlers();
  forget_caught_signal();
  EXPECT_NO_THROW(leave_if_cancelled(&token));
  EXPECT_NO_THROW(leave_if_cancelled(nullptr));
  raise(SIGTERM);
  try {
    leave_if_cancelled(&token);
    FAIL() << "went on";
  } catch (const Stopped& stopped) {
    EXPECT_EQ(stopped.exit_code(), 143);
  }
  forget_caught_signal();
}

}  // namespace signals_test
}  // namespace shalab
