#include "model/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

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

// Where the driver has a device file.
TEST(Device, AGpuThatCannotBeUsedHasAReason) {
  if (open_device("auto", *quiet_services().logger).is_cuda()) {
    GTEST_SKIP() << "the GPU can be used";
  }
  EXPECT_FALSE(unused_gpu("/nowhere/nvidiactl"));
  const auto why = unused_gpu("/dev/null");
  ASSERT_TRUE(why);
  EXPECT_NE(why->find("libtorch_cuda"), std::string::npos) << *why;
}

TEST(Device, ThatIsUnknownIsRefused) {
  EXPECT_THROW(open_device("gpu", *quiet_services().logger), Error);
}

}  // namespace device_test
}  // namespace shalab
