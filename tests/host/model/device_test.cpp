#include "model/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace shalab {
namespace device_test {

TEST(Device, DeterministicRunsLeaveNewMemoryAsItIs) {
  apply({1, Precision::fp32, /*deterministic=*/true});
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
  EXPECT_FALSE(at::globalContext().deterministicFillUninitializedMemory());
  EXPECT_EQ(at::get_num_threads(), 1);
  apply({1, Precision::fp32, /*deterministic=*/false});
  EXPECT_FALSE(at::globalContext().deterministicAlgorithms());
}

}  // namespace device_test
}  // namespace shalab
