#include <gtest/gtest.h>

#include "fused_model.h"

namespace shalab {
namespace reconstruction_test {

TEST(Reconstruction, IsTheLogLikelihoodsOfWhatIsPresent) {
  FusedModel model("slots", {}, 3, 3);
  const Batch batch = every_subset_of_three();
  const Terms terms =
      terms_of("reconstruction", model, batch,
               {{"likelihood_weights", std::vector<std::string>{"m1:3"}}});
  double sum = 0;
  for (std::int64_t row = 0; row < 7; ++row) {
    for (std::size_t m = 0; m < 3; ++m) {
      if (!is_present(batch, row, static_cast<std::int64_t>(m))) continue;
      sum += (m == 1 ? 3 : 1) * fit_at(batch, m, row);
    }
  }
  EXPECT_NEAR(terms.loss.item<double>(), -sum / 7, 1e-4);
  ASSERT_EQ(terms.named.size(), 3u);
}

TEST(Reconstruction, DecodesTheSlotsAsTheyAre) {
  FusedModel model("slots", {}, 3, 3);
  const Batch batch = random_tuples(4, 3);
  terms_of("reconstruction", model, batch);
  const at::Tensor z =
      model.fusion().fuse(model.encode(batch), batch.presence).mean();
  for (const auto& calls : model.codes) {
    EXPECT_TRUE(at::equal(calls.at(0), z));
  }
}

TEST(Reconstruction, NoGradientReachesAbsentModalities) {
  FusedModel model("slots", {}, 3, 3);
  expect_no_gradient_where_absent("reconstruction", model);
}

TEST(Reconstruction, RefusesPrivateLatents) {
  FusedModel model("slots", {}, 3, 3, 1);
  try {
    terms_of("reconstruction", model, random_tuples(2, 3));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.hint().find("latent.private"), std::string::npos);
  }
}

}  // namespace reconstruction_test
}  // namespace shalab
