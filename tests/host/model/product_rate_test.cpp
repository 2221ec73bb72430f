#include "model/product_rate.h"

#include <gtest/gtest.h>

namespace shalab {
namespace product_rate_test {

TEST(ProductRate, IsOfTheOrderOfAMachine) {
  for (const auto precision : {Precision::fp32, Precision::bf16}) {
    const double rate = product_gflops(c10::kCPU, precision, 256);
    EXPECT_GT(rate, 0.01) << to_string(precision);
    EXPECT_LT(rate, 1e5) << to_string(precision);
  }
}

TEST(SlowBf16Notice, IsGivenWhereBf16IsSlower) {
  const auto notice = slow_bf16_notice(161.6, 250.7);
  EXPECT_NE(notice.find("162 GFLOP/s in bf16 and 251 in fp32"),
            std::string::npos)
      << notice;
  EXPECT_NE(notice.find("run.precision=fp32"), std::string::npos);
}

TEST(SlowBf16Notice, IsNotGivenForNoise) {
  EXPECT_EQ(slow_bf16_notice(390, 200), "");
  EXPECT_EQ(slow_bf16_notice(195, 200), "");
}

}  // namespace product_rate_test
}  // namespace shalab
