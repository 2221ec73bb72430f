#include <ATen/ATen.h>

#include "dataset_files.h"

namespace shalab {
namespace fashion_trio_test {

class FashionTrio : public ::testing::Test {
 protected:
  FashionTrio() {
    write_items(folder_.path(), "train", 200);
    write_items(folder_.path(), "t10k", 20);
  }

  std::unique_ptr<Dataset> make(ChangedKeys keys = {}) const {
    keys.emplace_back("folder", folder_.path().string());
    return make_dataset("fashion_trio", quiet_services(), keys);
  }

  TemporaryFolder folder_;
};

Batch whole(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

at::Tensor items_shown(const at::Tensor& lit) {  // bool [B, 28 * 28]
  return (lit.slice(1, 10, 26).to(at::kLong) * at::pow(2, at::arange(16)))
      .sum(1);
}

// Where the tinted item is opaque a channel is at 0.2 of its hue's full value,
// which no background reaches.
at::Tensor items_tinted(const at::Tensor& colour) {
  return items_shown(std::get<0>(colour.min(1)).flatten(1).lt(0.25));
}

std::string word_of(const Dataset& dataset, const at::Tensor& tokens) {
  std::string word;
  for (std::int64_t i = 0; i < tokens.size(0); ++i) {
    word += dataset.modalities()[2].vocabulary.at(
        static_cast<std::size_t>(tokens[i].item<std::int64_t>()));
  }
  return word;
}

TEST_F(FashionTrio, HasThreeModalitiesAndFixedSplits) {
  const auto dataset = make();
  ASSERT_EQ(dataset->modalities().size(), 3U);
  EXPECT_EQ(dataset->size(Split::train), 180);
  EXPECT_EQ(dataset->size(Split::validation), 20);
  EXPECT_EQ(dataset->size(Split::test), 20);
  const Batch batch = dataset->gather(Split::train, at::arange(4));
  EXPECT_EQ(batch.data[0].sizes(), at::IntArrayRef({4, 1, 28, 28}));
  EXPECT_EQ(batch.data[1].sizes(), at::IntArrayRef({4, 3, 28, 28}));
  EXPECT_EQ(batch.data[2].sizes(), at::IntArrayRef({4, 8}));
  EXPECT_EQ(batch.data[2].scalar_type(), at::kLong);
  EXPECT_EQ(dataset->modalities()[2].vocabulary_size(), 27);
}

TEST_F(FashionTrio, SpellsTheClass) {
  const auto dataset = make();
  const Batch batch = whole(*dataset, Split::test);
  ASSERT_EQ(batch.labels[7].item<std::int64_t>(), 7);
  EXPECT_EQ(word_of(*dataset, batch.data[2][7]), "sneaker ");
  EXPECT_EQ(word_of(*dataset, batch.data[2][1]), "trousers");
  const std::vector<JudgeSource> sources = dataset->judge_sources();
  ASSERT_EQ(sources[2].kind, JudgeSource::Kind::lexicon);
  EXPECT_TRUE(sources[2].spellings[7].equal(batch.data[2][7]));
  EXPECT_EQ(sources[0].kind, JudgeSource::Kind::trained);
}

TEST_F(FashionTrio, TintsAnotherItemOfTheSameClass) {
  const auto dataset = make();
  const Batch train = whole(*dataset, Split::train);
  const Batch rest = whole(*dataset, Split::validation);
  const at::Tensor labels = at::cat({train.labels, rest.labels});
  const at::Tensor photo =
      items_shown(at::cat({train.data[0], rest.data[0]}).flatten(1).gt(0.9));
  const at::Tensor tinted =
      items_tinted(at::cat({train.data[1], rest.data[1]}));
  EXPECT_TRUE(photo.remainder(10).equal(labels));
  EXPECT_TRUE(tinted.remainder(10).equal(labels));
  EXPECT_TRUE(std::get<0>(photo.sort()).equal(at::arange(200)));
  EXPECT_TRUE(std::get<0>(tinted.sort()).equal(at::arange(200)));
  EXPECT_LT(photo.eq(tinted).sum().item<std::int64_t>(), 40);
}

// Saturation 0.8 at value 1 on the item; 0.3 at 1 on top, 0.3 at 0.9 below:
// the largest channel is the value, the smallest value * (1 - saturation).
TEST_F(FashionTrio, DrawsColoursOfTheRecipe) {
  const Batch batch = whole(*make(), Split::train);
  const at::Tensor colour = batch.data[1];
  const auto extremes = [&](std::int64_t y, std::int64_t x) {
    const at::Tensor pixel = colour.select(2, y).select(2, x);
    return std::pair(std::get<0>(pixel.min(1)), std::get<0>(pixel.max(1)));
  };
  const auto [item_low, item_high] = extremes(0, 5);
  EXPECT_TRUE(at::allclose(item_low, at::full({180}, 0.2), 0, 0.003));
  EXPECT_TRUE(at::allclose(item_high, at::full({180}, 1.0), 0, 0.003));
  const auto [top_low, top_high] = extremes(0, 9);
  EXPECT_TRUE(at::allclose(top_low, at::full({180}, 0.7), 0, 0.003));
  EXPECT_TRUE(at::allclose(top_high, at::full({180}, 1.0), 0, 0.003));
  const auto [bottom_low, bottom_high] = extremes(27, 9);
  EXPECT_TRUE(at::allclose(bottom_low, at::full({180}, 0.63), 0, 0.003));
  EXPECT_TRUE(at::allclose(bottom_high, at::full({180}, 0.9), 0, 0.003));
}

TEST_F(FashionTrio, RepeatsItselfBySeedAlone) {
  const Batch one = whole(*make(), Split::train);
  EXPECT_TRUE(one.data[1].equal(whole(*make(), Split::train).data[1]));
  const auto other = make({{"seed", std::int64_t{2}}});
  EXPECT_FALSE(one.data[1].equal(whole(*other, Split::train).data[1]));
  EXPECT_NE(make()->fingerprint(), other->fingerprint());
}

TEST_F(FashionTrio, LimitsKeepTheFirstTuplesAndTheJudges) {
  const auto all = make();
  const auto few =
      make({{"train_limit", std::int64_t{7}}, {"test_limit", std::int64_t{5}}});
  EXPECT_EQ(few->size(Split::train), 7);
  EXPECT_EQ(few->size(Split::test), 5);
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch kept = whole(*few, split);
    const Batch same = all->gather(split, kept.ids);
    EXPECT_TRUE(kept.data[0].equal(same.data[0]));
    EXPECT_TRUE(kept.data[1].equal(same.data[1]));
    EXPECT_TRUE(kept.labels.equal(same.labels));
  }
  EXPECT_EQ(few->judge_key(), all->judge_key());
  EXPECT_NE(few->fingerprint(), all->fingerprint());
}

TEST_F(FashionTrio, NamesThePackageWhenFilesAreMissing) {
  const auto [kind, text] =
      refusal("fashion_trio", services_at(folder_.path()),
              {{"folder", (folder_.path() / "absent").string()}});
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_NE(text.find("apt-get install dataset-fashion-mnist"),
            std::string::npos);
  EXPECT_NE(text.find("absent"), std::string::npos);
}

TEST_F(FashionTrio, LooksUnderTheDataFoldersToo) {
  TemporaryFolder data;
  write_items(data.path() / "fashion-mnist", "train", 100);
  write_items(data.path() / "fashion-mnist", "t10k", 10);
  const auto dataset = make_dataset("fashion_trio", services_at(data.path()),
                                    {{"folder", std::string("/nowhere")}});
  EXPECT_EQ(dataset->size(Split::train), 90);
}

TEST(FashionTrioOnRealData, HasTheSizesOfFashionMnist) {
  std::unique_ptr<Dataset> dataset;
  try {
    dataset = make_dataset("fashion_trio", services_of_real_data());
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(dataset->size(Split::train), 55000);
  EXPECT_EQ(dataset->size(Split::validation), 5000);
  EXPECT_EQ(dataset->size(Split::test), 10000);
  const Batch test = whole(*dataset, Split::test);
  EXPECT_TRUE(at::bincount(test.labels).equal(at::full({10}, 1000, at::kLong)));
}

}  // namespace fashion_trio_test
}  // namespace shalab
