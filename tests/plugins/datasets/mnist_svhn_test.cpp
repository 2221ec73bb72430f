#include "mnist_svhn_rig.h"
#include "shalab/io/arrays.h"
#include "shalab/nn/judges.h"

namespace shalab {
namespace mnist_svhn_test {

using namespace mnist_svhn_rig;

TEST_F(MnistSvhn, HasTwoImagesAndAWordInFixedSplits) {
  const auto dataset = make();
  EXPECT_EQ(dataset->size(Split::train), 3 * 36);
  EXPECT_EQ(dataset->size(Split::validation), 4);
  EXPECT_EQ(dataset->size(Split::test), 3 * 20);
  ASSERT_EQ(dataset->modalities().size(), 3U);
  EXPECT_EQ(dataset->modalities()[1].name, "svhn");
  const Batch batch = dataset->gather(Split::train, at::arange(4));
  EXPECT_EQ(batch.data[0].sizes(), at::IntArrayRef({4, 1, 28, 28}));
  EXPECT_EQ(batch.data[1].sizes(), at::IntArrayRef({4, 3, 32, 32}));
  EXPECT_EQ(batch.data[2].sizes(), at::IntArrayRef({4, 8}));
  EXPECT_EQ(batch.data[2].scalar_type(), at::kLong);
  EXPECT_TRUE(batch.presence.all().item<bool>());
  EXPECT_EQ(dataset->note(), "");
}

TEST_F(MnistSvhn, UsesEachPictureOnceInARound) {
  const Batch test = whole(*make(), Split::test);
  const at::Tensor items = items_shown(test.data[0]).view({3, 20});
  const at::Tensor numbers = numbers_shown(test.data[1]).view({3, 20});
  for (std::int64_t round = 0; round < 3; ++round) {
    EXPECT_TRUE(std::get<0>(items[round].sort()).equal(at::arange(20)));
    EXPECT_TRUE(std::get<0>(numbers[round].sort()).equal(at::arange(20)));
  }
  const at::Tensor pairs = std::get<0>((items * 100 + numbers).sort(1));
  EXPECT_FALSE(pairs[0].equal(pairs[1]));
  EXPECT_FALSE(pairs[1].equal(pairs[2]));
  EXPECT_FALSE(test.labels.view({3, 20})[0].equal(
      std::get<0>(test.labels.view({3, 20})[0].sort())));
}

// Of 200 items and 40 numbers the first 4 of each class; of these the last are
// held out, a row of every second or third class.
TEST_F(MnistSvhn, HoldsOutPicturesThatTrainingNeverSees) {
  const auto dataset = make();
  const Batch train = whole(*dataset, Split::train);
  const Batch held = whole(*dataset, Split::validation);
  const auto meet = [](const at::Tensor& some, const at::Tensor& others) {
    std::set<std::int64_t> all = as_set(some);
    const std::set<std::int64_t> rest = as_set(others);
    EXPECT_EQ(all.size(), 36U);
    EXPECT_EQ(rest.size(), 4U);
    all.insert(rest.begin(), rest.end());
    EXPECT_EQ(all.size(), 40U);
    EXPECT_EQ(*all.rbegin(), 39);
    EXPECT_GE(*rest.begin(), 30);
  };
  meet(items_shown(train.data[0]), items_shown(held.data[0]));
  meet(numbers_shown(train.data[1]), numbers_shown(held.data[1]));
}

TEST_F(MnistSvhn, KeepsTheFirstOfEachClassUpToTheLimit) {
  const auto dataset = make({{"class_limit", std::int64_t{1}}});
  EXPECT_EQ(dataset->size(Split::train), 3 * 9);
  EXPECT_EQ(dataset->size(Split::test), 3 * 10);
  const Batch test = whole(*dataset, Split::test);
  EXPECT_LT(items_shown(test.data[0]).max().item<std::int64_t>(), 10);
  EXPECT_LT(numbers_shown(test.data[1]).max().item<std::int64_t>(), 10);
  EXPECT_NE(dataset->judge_key(), make()->judge_key());
}

TEST_F(MnistSvhn, WritesTheWordAnywhereButOnTheLastSymbol) {
  const auto dataset = make({{"dm", std::int64_t{100}}});
  const Batch test = whole(*dataset, Split::test);
  const std::vector<std::string> words = {"zero",  "one",  "two", "three",
                                          "four",  "five", "six", "seven",
                                          "eight", "nine"};
  std::vector<std::set<std::size_t>> starts(10);
  for (std::int64_t i = 0; i < test.size(); ++i) {
    const auto digit = static_cast<std::size_t>(test.labels[i].item<int>());
    std::string expected(8, ' ');
    const std::string text = text_of(*dataset, test.data[2][i]);
    const std::size_t start = text.find_first_not_of(' ');
    ASSERT_LE(start + words[digit].size(), 7U) << text;
    expected.replace(start, words[digit].size(), words[digit]);
    ASSERT_EQ(text, expected);
    starts[digit].insert(start);
  }
  for (std::size_t digit = 0; digit < 10; ++digit) {
    EXPECT_EQ(starts[digit].size(), 8 - words[digit].size()) << words[digit];
  }
}

TEST_F(MnistSvhn, HasTheSymbolsOfItsClassifier) {
  const std::vector<std::string> symbols = make()->modalities()[2].vocabulary;
  ASSERT_EQ(symbols.size(), 71U);
  EXPECT_EQ(std::set<std::string>(symbols.begin(), symbols.end()).size(), 70U);
  EXPECT_EQ(symbols[0], "a");
  EXPECT_EQ(symbols[35], "9");
  EXPECT_EQ(symbols[36], "-");
  EXPECT_EQ(symbols[57], "`");
  EXPECT_EQ(symbols[59], "-");
  EXPECT_EQ(symbols[69], " ");
  EXPECT_EQ(symbols[70], "\n");
}

TEST_F(MnistSvhn, IsTheSamePairsWithoutTheWord) {
  const auto pairs = make({}, "mnist_svhn");
  ASSERT_EQ(pairs->modalities().size(), 2U);
  EXPECT_EQ(pairs->judge_sources().size(), 2U);
  const Batch without = whole(*pairs, Split::train);
  const Batch with = whole(*make(), Split::train);
  EXPECT_EQ(without.presence.size(1), 2);
  EXPECT_TRUE(without.data[0].equal(with.data[0]));
  EXPECT_TRUE(without.data[1].equal(with.data[1]));
}

TEST_F(MnistSvhn, RepeatsItselfBySeedAlone) {
  const auto one = make();
  const auto other = make({{"seed", std::int64_t{2}}});
  const Batch batch = whole(*one, Split::train);
  const Batch same = whole(*make(), Split::train);
  EXPECT_TRUE(batch.data[1].equal(same.data[1]));
  EXPECT_TRUE(batch.data[2].equal(same.data[2]));
  EXPECT_FALSE(batch.data[1].equal(whole(*other, Split::train).data[1]));
  EXPECT_NE(one->fingerprint(), other->fingerprint());
  EXPECT_EQ(one->judge_key(), other->judge_key());
}

TEST_F(MnistSvhn, LimitsKeepTheFirstTuplesAndTheJudges) {
  const auto all = make();
  const auto few =
      make({{"train_limit", std::int64_t{7}}, {"test_limit", std::int64_t{5}}});
  EXPECT_EQ(few->size(Split::train), 7);
  EXPECT_EQ(few->size(Split::test), 5);
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch kept = whole(*few, split);
    const Batch same = all->gather(split, kept.ids);
    for (std::size_t m = 0; m < 3; ++m) {
      EXPECT_TRUE(kept.data[m].equal(same.data[m]));
    }
    EXPECT_TRUE(kept.labels.equal(same.labels));
  }
  EXPECT_EQ(few->judge_key(), all->judge_key());
  EXPECT_NE(few->fingerprint(), all->fingerprint());
}

TEST_F(MnistSvhn, TakesFashionMnistInPlaceOfSvhn) {
  TemporaryFolder clothes;
  write_items(clothes.path(), "train", 100);
  write_items(clothes.path(), "t10k", 20);
  const auto dataset = make({{"second", std::string("fashion_mnist")},
                             {"folder", clothes.path().string()}});
  EXPECT_EQ(dataset->modalities()[1].name, "fashion");
  EXPECT_EQ(dataset->size(Split::train), 3 * 90);
  EXPECT_TRUE(has(dataset->note(), "not comparable"));
  EXPECT_EQ(dataset->judge_sources()[1].kind, JudgeSource::Kind::trained);
  const Batch train = whole(*dataset, Split::train);
  EXPECT_EQ(train.data[1].sizes(), at::IntArrayRef({270, 1, 28, 28}));
  const at::Tensor items = items_shown(train.data[1]);
  EXPECT_TRUE(items.remainder(10).equal(train.labels));
  EXPECT_EQ(as_set(items).size(), 90U);
  EXPECT_NE(dataset->judge_key(), make()->judge_key());
}

TEST_F(MnistSvhn, IsJudgedByThePublishedClassifiers) {
  const std::vector<JudgeSource> sources = make()->judge_sources();
  ASSERT_EQ(sources.size(), 3U);
  const char* names[] = {"mst_mnist", "mst_svhn", "mst_text"};
  for (std::size_t m = 0; m < 3; ++m) {
    EXPECT_EQ(sources[m].kind, JudgeSource::Kind::official);
    EXPECT_EQ(sources[m].architecture, names[m]);
    EXPECT_EQ(sources[m].file, std::string("classifiers/") + names[m] + ".npz");
  }
}

// Fashion-MNIST has 6,000 and 1,000 pictures of a class, MNIST the counts of
// its classes: the smaller ones sum to 58,862 and 9,786.
class MnistFashionOnRealData : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      dataset_ = make_dataset(
          "mnist_svhn_text", services_of_real_data(),
          {{"second", std::string("fashion_mnist")}, {"dm", std::int64_t{2}}});
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  double accuracy(std::size_t m) const {
    const JudgeSource source = dataset_->judge_sources()[m];
    const auto judge = make_official_judge(
        source.architecture,
        io::read_npz(services_of_real_data().find_data(source.file, "judge")),
        source.architecture);
    const Batch test = dataset_->gather(Split::test, at::arange(9786));
    const Judgement judgement = judge->judge(test.data[m]);
    return judgement.labels.eq(test.labels)
        .to(at::kDouble)
        .mean()
        .item<double>();
  }

  std::unique_ptr<Dataset> dataset_;
};

TEST_F(MnistFashionOnRealData, HasTheSizesOfTheSmallerClasses) {
  EXPECT_EQ(dataset_->size(Split::train), 2 * (58862 - 5000));
  EXPECT_EQ(dataset_->size(Split::validation), 5000);
  EXPECT_EQ(dataset_->size(Split::test), 2 * 9786);
  const at::Tensor held =
      at::bincount(whole(*dataset_, Split::validation).labels);
  EXPECT_GT(held.min().item<std::int64_t>(), 400);
}

TEST_F(MnistFashionOnRealData, IsReadByTheOfficialJudges) {
  EXPECT_NEAR(accuracy(0), 0.981, 0.005);
  EXPECT_GT(accuracy(2), 0.9995);
}

}  // namespace mnist_svhn_test
}  // namespace shalab
