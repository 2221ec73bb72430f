#include "shalab/nn/judges.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"
#include "shalab/io/tensors.h"

namespace shalab {
namespace judges_test {

// Weights of mst_mnist that are zero but for the last bias.
io::NamedArrays mst_weights(std::int64_t class_of_all) {
  at::Tensor bias = at::zeros({10});
  bias[class_of_all] = 1;
  return {{"conv1.weight", io::to_array(at::zeros({32, 1, 4, 4}))},
          {"conv1.bias", io::to_array(at::zeros({32}))},
          {"conv2.weight", io::to_array(at::zeros({64, 32, 4, 4}))},
          {"conv2.bias", io::to_array(at::zeros({64}))},
          {"conv3.weight", io::to_array(at::zeros({128, 64, 4, 4}))},
          {"conv3.bias", io::to_array(at::zeros({128}))},
          {"linear.weight", io::to_array(at::zeros({10, 128}))},
          {"linear.bias", io::to_array(bias)}};
}

ErrorKind refused(const std::string& architecture,
                  const io::NamedArrays& weights, std::string* text) {
  try {
    make_official_judge(architecture, weights, "some.npz");
  } catch (const Error& error) {
    *text = error.what();
    return error.kind();
  }
  ADD_FAILURE() << "not refused";
  return ErrorKind::no;
}

TEST(OfficialJudge, UsesTheGivenWeights) {
  const auto judge = make_official_judge("mst_mnist", mst_weights(3), "f");
  const Judgement judgement = judge->judge(at::rand({5, 1, 28, 28}));
  EXPECT_TRUE(judgement.labels.equal(at::full({5}, 3, at::kLong)));
  EXPECT_EQ(judgement.features.sizes(), at::IntArrayRef({5, 128}));
  EXPECT_FALSE(judgement.features.requires_grad());
}

// One lit path: every convolution passes 16 times the mean of its 4x4 patch
// of channel 0 to channel 0, so 1 becomes 16^3 = 4096 (each weight 1).
TEST(OfficialJudge, ComputesThePublishedNetwork) {
  io::NamedArrays weights = mst_weights(0);
  for (const char* key : {"conv1.weight", "conv2.weight", "conv3.weight"}) {
    at::Tensor weight = io::to_tensor(weights.at(key));
    weight[0][0].fill_(1);
    weights[key] = io::to_array(weight);
  }
  const auto judge = make_official_judge("mst_mnist", weights, "f");
  const Judgement judgement = judge->judge(at::ones({1, 1, 28, 28}));
  EXPECT_FLOAT_EQ(judgement.features[0][0].item<float>(), 4096);
  EXPECT_FLOAT_EQ(judgement.features[0][1].item<float>(), 0);
}

TEST(OfficialJudge, IsToldApartByItsWeights) {
  const auto three = make_official_judge("mst_mnist", mst_weights(3), "f");
  const auto again = make_official_judge("mst_mnist", mst_weights(3), "g");
  const auto four = make_official_judge("mst_mnist", mst_weights(4), "f");
  EXPECT_EQ(three->digest(), again->digest());
  EXPECT_NE(three->digest(), four->digest());
}

TEST(OfficialJudge, RefusesWeightsOfAnotherNetwork) {
  std::string text;
  io::NamedArrays weights = mst_weights(0);
  weights.erase("conv2.bias");
  EXPECT_EQ(refused("mst_mnist", weights, &text), ErrorKind::data);
  EXPECT_NE(text.find("some.npz: no array conv2.bias"), std::string::npos);
  weights = mst_weights(0);
  weights["conv1.weight"] = io::to_array(at::zeros({32, 3, 4, 4}));
  EXPECT_EQ(refused("mst_mnist", weights, &text), ErrorKind::data);
  EXPECT_NE(text.find("conv1.weight"), std::string::npos);
  weights = mst_weights(0);
  weights["bn1.weight"] = io::to_array(at::zeros({32}));
  EXPECT_EQ(refused("mst_mnist", weights, &text), ErrorKind::data);
  EXPECT_NE(text.find("bn1.weight"), std::string::npos);
}

TEST(OfficialJudge, ListsArchitecturesWhenItKnowsNone) {
  std::string text;
  EXPECT_EQ(refused("mst_mnits", {}, &text), ErrorKind::plugin);
  EXPECT_NE(text.find("polymnist_cnn"), std::string::npos);
}

TEST(ConvJudgeNetwork, TakesAnyChannelsAndSides) {
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{1, 28, 28}, {3, 32, 20}}) {
    const auto network = make_conv_judge_network(shape, 7, 1);
    const at::Tensor features =
        network->features(at::rand({2, shape[0], shape[1], shape[2]}));
    EXPECT_EQ(features.sizes(), at::IntArrayRef({2, 128}));
    EXPECT_EQ(network->logits(features).sizes(), at::IntArrayRef({2, 7}));
  }
}

TEST(ConvJudgeNetwork, IsTheSameForTheSameSeed) {
  const auto digest = [](std::uint64_t seed) {
    return make_network_judge(make_conv_judge_network({1, 8, 8}, 2, seed), "x")
        ->digest();
  };
  EXPECT_EQ(digest(5), digest(5));
  EXPECT_NE(digest(5), digest(6));
}

TEST(NetworkJudge, JudgesLargeBatchesAsSmallOnes) {
  const auto judge =
      make_network_judge(make_conv_judge_network({1, 8, 8}, 4, 1), "x");
  const at::Tensor x = at::rand({2003, 1, 8, 8});
  const Judgement all = judge->judge(x);
  const Judgement last = judge->judge(x.narrow(0, 2000, 3));
  EXPECT_EQ(all.labels.size(0), 2003);
  EXPECT_TRUE(at::allclose(all.features.narrow(0, 2000, 3), last.features));
}

TEST(LexiconJudge, KnowsOnlyExactSpellings) {
  const auto judge =
      make_lexicon_judge({at::tensor({1L, 2L, 0L}), at::tensor({3L, 0L, 0L})});
  const at::Tensor words =
      at::tensor({3L, 0L, 0L, 1L, 2L, 0L, 1L, 2L, 1L, 0L, 3L, 0L});
  const Judgement judgement = judge->judge(words.view({4, 3}));
  EXPECT_TRUE(judgement.labels.equal(at::tensor({1L, 0L, -1L, -1L})));
  EXPECT_FALSE(judgement.features.defined());
}

TEST(LexiconJudge, RefusesWordsItCannotTellApart) {
  EXPECT_THROW(make_lexicon_judge({}), Error);
  EXPECT_THROW(make_lexicon_judge({at::tensor({1L}), at::tensor({1L, 2L})}),
               Error);
  EXPECT_THROW(make_lexicon_judge({at::tensor({1L}), at::tensor({1L})}), Error);
}

TEST(LexiconJudge, IsToldApartByItsWords) {
  const auto judge = make_lexicon_judge({at::tensor({1L}), at::tensor({2L})});
  const auto swapped = make_lexicon_judge({at::tensor({2L}), at::tensor({1L})});
  EXPECT_NE(judge->digest(), swapped->digest());
}

}  // namespace judges_test
}  // namespace shalab
