#include "bench/ceilings.h"

#include <gtest/gtest.h>

namespace shalab {
namespace ceilings_test {

// A core does between a tenth of a GFLOP/s and ten TFLOP/s, whatever it is.
TEST(Ceilings, AreOfTheOrderOfAMachine) {
  const auto ceilings = measure_ceilings(c10::kCPU, Precision::fp32);
  for (const double gflops :
       {ceilings.gemm_gflops, ceilings.convolution_gflops}) {
    EXPECT_GT(gflops, 0.1);
    EXPECT_LT(gflops, 1e5);
  }
  EXPECT_GT(ceilings.copy_gb_per_second, 0.1);
  EXPECT_LT(ceilings.copy_gb_per_second, 1e4);
}

}  // namespace ceilings_test
}  // namespace shalab
