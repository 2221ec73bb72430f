#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "cub_captions_files.h"

namespace shalab {
namespace cub_captions_test {

using namespace cub_files;

class CubCaptions : public BirdsTest {};

std::set<int> distinct_pictures(const Dataset& dataset, Split split) {
  const std::vector<int> pictures = pictures_of(whole(dataset, split));
  return {pictures.begin(), pictures.end()};
}

std::vector<int> shared(const std::set<int>& a, const std::set<int>& b) {
  std::vector<int> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(),
                        std::back_inserter(both));
  return both;
}

// Pair 10 i + c of every tuple, read off its caption.
std::vector<int> pairs_of(const Dataset& dataset, Split split) {
  std::vector<int> pairs;
  for (const std::string& text : texts_of(dataset, whole(dataset, split))) {
    int picture = -1, c = -1;
    EXPECT_EQ(std::sscanf(text.c_str(), "p%d c%d .", &picture, &c), 2) << text;
    pairs.push_back(10 * picture + c);
  }
  return pairs;
}

TEST_F(CubCaptions, HoldsOutATenthOfThePictures) {
  write_birds();
  const auto dataset = make();
  EXPECT_EQ(dataset->size(Split::train), 220);
  EXPECT_EQ(dataset->size(Split::validation), 20);
  EXPECT_EQ(dataset->size(Split::test), 60);
  const Batch batch = dataset->gather(Split::train, at::arange(3));
  EXPECT_EQ(batch.data[0].sizes(), at::IntArrayRef({3, 3, 64, 64}));
  EXPECT_EQ(batch.data[1].sizes(), at::IntArrayRef({3, 32}));
  EXPECT_EQ(batch.data[1].scalar_type(), at::kLong);
  EXPECT_TRUE(batch.presence.all().item<bool>());
  EXPECT_EQ(dataset->num_classes(), 3);
  EXPECT_EQ(dataset->modalities()[0].name, "image");
  EXPECT_EQ(dataset->modalities()[1].name, "text");
}

TEST_F(CubCaptions, PairsEveryPictureWithItsTenCaptions) {
  write_birds();
  const auto dataset = make();
  std::set<int> pairs;
  for (const Split split : {Split::train, Split::validation}) {
    const Batch batch = whole(*dataset, split);
    const std::vector<int> pictures = pictures_of(batch);
    const std::vector<int> of_split = pairs_of(*dataset, split);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      EXPECT_EQ(of_split[i] / 10, pictures[i]);
      EXPECT_EQ(batch.labels[static_cast<std::int64_t>(i)].item<int>(),
                pictures[i] / 12);
    }
    pairs.insert(of_split.begin(), of_split.end());
  }
  EXPECT_EQ(pairs.size(), 240U);
  const Batch test = whole(*dataset, Split::test);
  EXPECT_TRUE((test.labels == 2).all().item<bool>());
}

TEST_F(CubCaptions, ShowsEachPictureOnceInEveryRound) {
  write_birds();
  const auto dataset = make();
  const std::vector<int> pictures = pictures_of(whole(*dataset, Split::train));
  for (std::size_t round = 0; round < 10; ++round) {
    const auto first =
        pictures.begin() + static_cast<std::ptrdiff_t>(22 * round);
    EXPECT_EQ(std::set<int>(first, first + 22).size(), 22U);
  }
}

TEST_F(CubCaptions, SplitsShareNoPicture) {
  write_birds();
  for (const char* split : {"class", "image"}) {
    const auto dataset = make({{"split", std::string(split)}});
    const auto train = distinct_pictures(*dataset, Split::train);
    const auto validation = distinct_pictures(*dataset, Split::validation);
    const auto test = distinct_pictures(*dataset, Split::test);
    EXPECT_TRUE(shared(train, validation).empty());
    EXPECT_TRUE(shared(train, test).empty());
    EXPECT_TRUE(shared(validation, test).empty());
    EXPECT_EQ(train.size() + validation.size() + test.size(), 30U);
    EXPECT_EQ(test.size(), 6U);
  }
}

// The held out pairs of tools/oracles/cub_captions.py, in their order.
TEST_F(CubCaptions, PublishedPairsLeakPictures) {
  write_birds();
  const auto dataset = make({{"validation", std::string("pair")}});
  EXPECT_EQ(pairs_of(*dataset, Split::validation),
            std::vector<int>({109, 71,  37,  74,  108, 227, 156, 220,
                              152, 194, 76,  202, 83,  157, 234, 134,
                              184, 111, 221, 8,   101, 179, 89,  122}));
  EXPECT_EQ(dataset->size(Split::train), 216);
  const std::vector<int> train = pairs_of(*dataset, Split::train);
  EXPECT_EQ(std::set<int>(train.begin(), train.end()).size(), 216U);
  EXPECT_EQ(std::count(train.begin(), train.end(), 109), 0);
  EXPECT_FALSE(shared(distinct_pictures(*dataset, Split::train),
                      distinct_pictures(*dataset, Split::validation))
                   .empty());
  EXPECT_NE(dataset->note().find("in train and validation"), std::string::npos);
}

TEST_F(CubCaptions, ReadsATableInAnyOrder) {
  const Species species{{"002.Auk", 4}, {"004.Ani", 2}, {"010.Jay", 4}};
  write_table(birds(), species);
  const auto dataset = make();
  EXPECT_EQ(distinct_pictures(*dataset, Split::test), std::set<int>({4, 5}));
  const std::vector<int> pairs = pairs_of(*dataset, Split::train);
  const std::vector<int> pictures = pictures_of(whole(*dataset, Split::train));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_EQ(pairs[i] / 10, pictures[i]);
  }
  const auto other =
      make({{"test_classes", std::vector<std::string>{"002.Auk", "010"}}});
  EXPECT_EQ(distinct_pictures(*other, Split::test),
            std::set<int>({0, 1, 2, 3, 6, 7, 8, 9}));
}

TEST_F(CubCaptions, TakesCubsOwnSplitFromATable) {
  write_table(birds(), {{"002.Auk", 4}});
  expect_refusal("meta.tsv", {{"split", std::string("cub")}});
  std::string meta = "cub_train\timage\n";
  for (int i = 0; i < 4; ++i) {
    meta +=
        std::string(i == 2 ? "0" : "1") + "\t002.Auk/" + file_name(i) + "\n";
  }
  write_text(birds() / "meta.tsv", meta);
  const auto dataset = make({{"split", std::string("cub")}});
  EXPECT_EQ(distinct_pictures(*dataset, Split::test), std::set<int>({2}));
}

TEST_F(CubCaptions, RepeatsItselfBySeedAlone) {
  write_birds();
  const auto one = make();
  const auto other = make({{"seed", std::int64_t{2}}});
  EXPECT_EQ(pairs_of(*one, Split::train), pairs_of(*make(), Split::train));
  EXPECT_NE(pairs_of(*one, Split::train), pairs_of(*other, Split::train));
  EXPECT_EQ(one->fingerprint(), make()->fingerprint());
  EXPECT_NE(one->fingerprint(), other->fingerprint());
}

TEST_F(CubCaptions, LimitsKeepTheFirstTuplesAndTheWords) {
  write_birds();
  const auto all = make();
  const auto few =
      make({{"train_limit", std::int64_t{7}}, {"test_limit", std::int64_t{5}}});
  EXPECT_EQ(few->size(Split::train), 7);
  EXPECT_EQ(few->size(Split::test), 5);
  EXPECT_EQ(few->modalities()[1].vocabulary, all->modalities()[1].vocabulary);
  const Batch kept = whole(*few, Split::train);
  EXPECT_TRUE(kept.data[1].equal(all->gather(Split::train, kept.ids).data[1]));
  EXPECT_EQ(few->judge_key(), all->judge_key());
  EXPECT_NE(few->fingerprint(), all->fingerprint());
}

// Equal pictures and captions, but 002.Auk is for training or for tests.
TEST_F(CubCaptions, TheFingerprintFollowsTheSplits) {
  write_mmvae(birds(), {{"001.Ani", 2}, {"002.Auk", 2}}, {{"003.Jay", 2}});
  const auto one = make();
  EXPECT_EQ(one->fingerprint(), make()->fingerprint());
  std::filesystem::remove_all(birds());
  write_mmvae(birds(), {{"001.Ani", 2}}, {{"002.Auk", 2}, {"003.Jay", 2}});
  EXPECT_NE(one->judge_key(), make()->judge_key());
}

TEST_F(CubCaptions, KeepsDecodedPictures) {
  write_birds();
  const at::Tensor pixels = whole(*make(), Split::train).data[0];
  const auto file = birds() / "train/001.Ani" / file_name(3);
  const auto time = std::filesystem::last_write_time(file);
  const auto size = std::filesystem::file_size(file);
  write_text(file, std::string(size, 'x'));
  std::filesystem::last_write_time(file, time);
  EXPECT_TRUE(pixels.equal(whole(*make(), Split::train).data[0]));
  std::filesystem::last_write_time(file, time + std::chrono::hours(1));
  expect_refusal(file_name(3));
}

TEST_F(CubCaptions, DecodesAgainWhenTheKeptPicturesAreDamaged) {
  write_birds();
  const at::Tensor pixels = whole(*make(), Split::train).data[0];
  int damaged = 0;
  for (const auto& kept :
       std::filesystem::directory_iterator(folder_.path() / "cache/datasets")) {
    std::filesystem::resize_file(kept.path(), 1000);
    ++damaged;
  }
  EXPECT_EQ(damaged, 1);
  EXPECT_TRUE(pixels.equal(whole(*make(), Split::train).data[0]));
}

TEST_F(CubCaptions, WorksWhereNothingCanBeKept) {
  write_birds();
  write_text(folder_.path() / "cache", "a file, no folder");
  EXPECT_EQ(make()->size(Split::train), 220);
}

TEST_F(CubCaptions, TakesAFolderByItsFullPath) {
  write_mmvae(folder_.path() / "elsewhere", {{"001.Ani", 3}}, {{"002.Auk", 1}});
  const auto dataset =
      make({{"folder", (folder_.path() / "elsewhere").string()}});
  EXPECT_EQ(dataset->size(Split::train), 20);
  EXPECT_EQ(dataset->size(Split::validation), 10);
}

}  // namespace cub_captions_test
}  // namespace shalab
