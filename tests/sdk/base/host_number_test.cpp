#include "shalab/host_number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace shalab {
namespace host_number_test {

TEST(HostNumber, RemembersThatItWasRead) {
  const HostNumber<std::int64_t> number = 3;
  EXPECT_EQ(number.unobserved(), 3);
  EXPECT_FALSE(number.was_read());
  const double half = 0.5 * static_cast<double>(number);
  EXPECT_EQ(half, 1.5);
  EXPECT_TRUE(number.was_read());
}

TEST(HostNumber, BeyondALimitCountsAsUnread) {
  const HostNumber<double> below = 0.9, at = 1.0;
  EXPECT_TRUE(at.has_reached(1.0));
  EXPECT_FALSE(at.was_read());
  EXPECT_FALSE(below.has_reached(1.0));
  EXPECT_TRUE(below.was_read());
}

}  // namespace host_number_test
}  // namespace shalab
