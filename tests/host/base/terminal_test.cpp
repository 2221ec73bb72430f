#include "base/terminal.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "shalab/error.h"

namespace shalab {
namespace terminal_test {

TEST(Terminal, AlwaysAndNeverWinOverTheEnvironment) {
  setenv("NO_COLOR", "1", 1);
  EXPECT_TRUE(use_colour(ColourMode::always, 1));
  EXPECT_FALSE(use_colour(ColourMode::never, 1));
  EXPECT_FALSE(use_colour(ColourMode::automatic, 1));
  unsetenv("NO_COLOR");
}

TEST(Terminal, KnowsThreeColourModesOnly) {
  EXPECT_EQ(colour_mode_from("never"), ColourMode::never);
  EXPECT_THROW(colour_mode_from("yes"), Error);
}

TEST(Terminal, TakesTheWidthFromColumns) {
  setenv("COLUMNS", "133", 1);
  EXPECT_EQ(terminal_width(2), 133);
  setenv("COLUMNS", "3", 1);
  EXPECT_EQ(terminal_width(2), 20);
  setenv("COLUMNS", "wide", 1);
  EXPECT_GE(terminal_width(-1), 20);
  unsetenv("COLUMNS");
}

TEST(Terminal, StylesOnlyWithColour) {
  EXPECT_EQ(styled("text", Style::red, false), "text");
  EXPECT_EQ(styled("text", Style::red, true), "\033[31mtext\033[0m");
}

}  // namespace terminal_test
}  // namespace shalab
