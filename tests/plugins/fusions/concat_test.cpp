#include <gtest/gtest.h>

#include "features.h"

namespace shalab {
namespace concat_test {

std::shared_ptr<Fusion> make_concat(const ChangedKeys& keys = {}) {
  return make_plugin<Factory_fusion>("fusion", "concat",
                                     fusion_context({2, 3}, 2), keys);
}

TEST(Concat, OfOneLayerIsLinearInAllFeatures) {
  const auto fusion = make_concat({{"layers", std::int64_t{1}}});
  const auto p = fusion->parameters();
  ASSERT_EQ(p.size(), 2u);
  const auto features = random_features({2, 3}, 4);
  const Posterior q = fusion->fuse(features, all_present(4, 2));
  const at::Tensor out = at::linear(
      at::cat({features[0].shared, features[1].shared}, 1), p[0], p[1]);
  EXPECT_TRUE(at::allclose(q.mean(), out.slice(1, 0, 2)));
  EXPECT_TRUE(at::allclose(q.log_var(), out.slice(1, 2, 4)));
}

TEST(Concat, HasFourLayersByDefault) {
  EXPECT_EQ(make_concat()->parameters().size(), 8u);
}

TEST(Concat, ServesOnlyTheFullSet) {
  const auto fusion = make_concat();
  EXPECT_TRUE(fusion->serves(ModalitySubset::all(2)));
  EXPECT_FALSE(fusion->serves(ModalitySubset::only(0)));
  EXPECT_EQ(fusion->serves_what(), "only the full set");
}

}  // namespace concat_test
}  // namespace shalab
