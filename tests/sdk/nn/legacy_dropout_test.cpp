// Judges whose dropout stays on (evaluate.legacy_dropout).

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

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

void add_plain_norm(io::NamedArrays& weights, const std::string& name,
                    std::int64_t channels) {
  weights[name + ".weight"] = io::to_array(at::ones({channels}));
  weights[name + ".bias"] = zeros({channels});
  weights[name + ".running_mean"] = zeros({channels});
  weights[name + ".running_var"] = io::to_array(at::ones({channels}));
  weights[name + ".num_batches_tracked"] =
      io::to_array(at::zeros({}, at::kLong));
}

// mst_svhn in which layer `first` gives 1 and each later layer hands on one
// place of one channel.
io::NamedArrays relay(std::int64_t first) {
  const std::int64_t channels[] = {3, 32, 64, 64, 128};
  io::NamedArrays weights{{"linear.weight", zeros({10, 128})},
                          {"linear.bias", zeros({10})}};
  for (std::int64_t layer = 1; layer <= 4; ++layer) {
    const std::int64_t in = channels[layer - 1], out = channels[layer];
    at::Tensor kernel = at::zeros({out, in, 4, 4});
    for (std::int64_t o = 0; layer > first && o < out; ++o) {
      kernel[o][o % in][1][1] = 1;
    }
    const std::string number = std::to_string(layer);
    weights["conv" + number + ".weight"] = io::to_array(kernel);
    weights["conv" + number + ".bias"] =
        io::to_array(at::full({out}, layer == first ? 1.0F : 0.0F));
    add_plain_norm(weights, "bn" + number, out);
  }
  return weights;
}

// A place lives where the coins of its layer and of all later ones fall well:
// of at least 1,000 x 32 places with at most four of one coin, five deviations
// are below .015.
TEST(LegacyDropout, DropsPlacesOfEachLayerOfTheSvhnNetwork) {
  const at::Tensor x = at::rand({1000, 3, 32, 32});
  for (std::int64_t first = 1; first <= 4; ++first) {
    const auto judge = make_official_judge("mst_svhn", relay(first), "f", 1);
    const at::Tensor h = judge->judge(x).features;
    const double share = std::pow(0.5, 5 - first);
    EXPECT_NEAR(h.gt(0).to(at::kDouble).mean().item<double>(), share, 0.015)
        << first;
    EXPECT_NEAR(h.max().item<double>() * share, 1.0, 1e-4) << first;
  }
}

}  // namespace legacy_dropout_test
}  // namespace shalab
