#include <gtest/gtest.h>

#include "features.h"

namespace shalab {
namespace sum_test {

TEST(Sum, DependsOnTheSumOnly) {
  const auto fusion =
      make_plugin<Factory_fusion>("fusion", "sum", fusion_context({3, 3}, 2));
  const Features zero{at::zeros({4, 3}), {}};
  const auto features = random_features({3, 3}, 4);
  const Features total{features[0].shared + features[1].shared, {}};
  const at::Tensor presence = all_present(4, 2);
  EXPECT_TRUE(at::allclose(fusion->fuse(features, presence).mean(),
                           fusion->fuse({zero, total}, presence).mean(), 1e-4,
                           1e-5));
}

TEST(Sum, RefusesFeaturesOfDifferentSizes) {
  try {
    make_plugin<Factory_fusion>("fusion", "sum", fusion_context({2, 3}, 2));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("m0 2, m1 3"), std::string::npos);
  }
}

}  // namespace sum_test
}  // namespace shalab
