// Judges whose dropout stays on (evaluate.legacy_dropout).

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/io/tensors.h"
#include "shalab/nn/judges.h"

namespace shalab {
namespace legacy_dropout_test {

io::Array zeros(at::IntArrayRef shape) {
  return io::to_array(at::zeros(shape));
}

// mst_mnist whose 128 features are 1 for any image: dropped out, 0 or 2. The
// class is 1 where the first one is kept, else 0.
io::NamedArrays coin() {
  at::Tensor out = at::zeros({10, 128});
  out[1][0] = 1;
  return {{"conv1.weight", zeros({32, 1, 4, 4})},
          {"conv1.bias", zeros({32})},
          {"conv2.weight", zeros({64, 32, 4, 4})},
          {"conv2.bias", zeros({64})},
          {"conv3.weight", zeros({128, 64, 4, 4})},
          {"conv3.bias", io::to_array(at::ones({128}))},
          {"linear.weight", io::to_array(out)},
          {"linear.bias", zeros({10})}};
}

std::shared_ptr<Judge> coin_judge(std::optional<std::uint64_t> seed) {
  return make_official_judge("mst_mnist", coin(), "f", seed);
}

// Five deviations: of 256,000 doubled coins .002 each, of 2,000 coins .0112.
TEST(LegacyDropout, DropsHalfOfTheFeatures) {
  const at::Tensor x = at::rand({2000, 1, 28, 28});
  const Judgement judged = coin_judge(1)->judge(x);
  const at::Tensor& h = judged.features;
  EXPECT_TRUE(((h == 0) | (h == 2)).all().item<bool>());
  EXPECT_NEAR(h.mean().item<double>(), 1.0, 0.01);
  EXPECT_NEAR(judged.labels.to(at::kDouble).mean().item<double>(), 0.5, 0.056);
}

TEST(LegacyDropout, IsOffWithoutASeed) {
  const Judgement judged = coin_judge({})->judge(at::rand({9, 1, 28, 28}));
  EXPECT_TRUE(judged.features.eq(1).all().item<bool>());
  EXPECT_TRUE(judged.labels.eq(1).all().item<bool>());
}

TEST(LegacyDropout, IsThatOfItsSeedAndItsImages) {
  const at::Tensor x = at::rand({50, 1, 28, 28});
  const auto judge = coin_judge(1);
  const at::Tensor first = judge->judge(x).features;
  judge->judge(at::rand({7, 1, 28, 28}));
  EXPECT_TRUE(judge->judge(x).features.equal(first));
  EXPECT_TRUE(coin_judge(1)->judge(x).features.equal(first));
  EXPECT_FALSE(coin_judge(2)->judge(x).features.equal(first));
  EXPECT_FALSE(judge->judge(x + 1e-3).features.equal(first));
}

TEST(LegacyDropout, ShowsInTheDigestButNotItsSeed) {
  EXPECT_EQ(coin_judge(1)->digest(), coin_judge({})->digest() + kLegacyDropout);
  EXPECT_EQ(coin_judge(1)->digest(), coin_judge(2)->digest());
}

// Feature i is place i of channel 0 behind both convolutions, which are
// positive. It lives where its own coin and those of both channels 0 do: a
// quarter of the pictures lives, and of its 49 features a half.
TEST(LegacyDropout, DropsWholeChannelsOfThePolyMnistNetwork) {
  at::Tensor second = at::zeros({20, 10, 4, 4});
  second[0][0].fill_(1);
  at::Tensor hidden = at::zeros({128, 980});
  hidden.slice(0, 0, 49).copy_(at::eye(49, 980));
  const io::NamedArrays weights = {
      {"encoder.0.weight", zeros({10, 3, 4, 4})},
      {"encoder.0.bias", io::to_array(at::ones({10}))},
      {"encoder.3.weight", io::to_array(second)},
      {"encoder.3.bias", zeros({20})},
      {"encoder.7.weight", io::to_array(hidden)},
      {"encoder.7.bias", zeros({128})},
      {"encoder.10.weight", zeros({10, 128})},
      {"encoder.10.bias", zeros({10})}};
  const auto judge = make_official_judge("polymnist_cnn", weights, "f", 1);
  const at::Tensor kept = judge->judge(at::rand({1000, 3, 28, 28}))
                              .features.slice(1, 0, 49)
                              .gt(0)
                              .to(at::kDouble)
                              .mean(1);
  const at::Tensor lives = kept > 0;
  EXPECT_NEAR(lives.to(at::kDouble).mean().item<double>(), 0.25, 0.07);
  EXPECT_NEAR(kept.masked_select(lives).mean().item<double>(), 0.5, 0.03);
}

}  // namespace legacy_dropout_test
}  // namespace shalab
