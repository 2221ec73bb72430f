#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "dataset_files.h"
#include "shalab/io/images.h"
#include "shalab/nn/judges.h"

namespace shalab {
namespace poly_mnist_test {

constexpr std::uint8_t kRed = 10, kGreen = 20, kBlue = 30;

// 200 training and 20 test digits, and plain pictures as backgrounds.
class PolyMnist : public ::testing::Test {
 protected:
  PolyMnist() {
    write_items(folder_.path() / "mnist", "train", 200);
    write_items(folder_.path() / "mnist", "t10k", 20);
    write_background("plain.png", 40, 30);
    write_background("other.png", 29, 29);
    write_background("small.png", 28, 60);
  }

  void write_background(const std::string& name, std::int64_t width,
                        std::int64_t height) {
    io::Image image{width, height, 3, {}};
    for (std::int64_t i = 0; i < width * height; ++i) {
      image.pixels.insert(image.pixels.end(), {kRed, kGreen, kBlue});
    }
    std::filesystem::create_directories(folder_.path() / "backgrounds");
    io::write_png(folder_.path() / "backgrounds" / name, image);
  }

  std::unique_ptr<Dataset> make(ChangedKeys keys = {}) const {
    keys.emplace_back("backgrounds",
                      std::vector<std::string>{"plain.png", "other.png"});
    return make_dataset("poly_mnist", services_at(folder_.path()), keys);
  }

  std::pair<int, std::string> refused(
      const std::vector<std::string>& backgrounds) const {
    return refusal("poly_mnist", services_at(folder_.path()),
                   {{"backgrounds", backgrounds}});
  }

  TemporaryFolder folder_;
};

Batch whole(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

// Which digit each picture shows (dataset_files.h), int64 [B].
at::Tensor digits_shown(const at::Tensor& images) {
  const at::Tensor bits =
      images.select(1, 0).flatten(1).slice(1, 10, 26).gt(0.5).to(at::kLong);
  return (bits * at::pow(2, at::arange(16))).sum(1);
}

TEST_F(PolyMnist, HoldsATenthForValidation) {
  const auto dataset = make();
  EXPECT_EQ(dataset->size(Split::train), 180);
  EXPECT_EQ(dataset->size(Split::validation), 20);
  EXPECT_EQ(dataset->size(Split::test), 20);
  ASSERT_EQ(dataset->modalities().size(), 2U);
  EXPECT_EQ(dataset->modalities()[1].name, "m1");
  EXPECT_EQ(dataset->modalities()[1].default_likelihood, "laplace");
  EXPECT_EQ(dataset->num_classes(), 10);
}

TEST_F(PolyMnist, InvertsTheBackgroundWhereTheDigitIsAbove128) {
  const auto dataset = make();
  const Batch batch = dataset->gather(Split::train, at::arange(1));
  const at::Tensor image = batch.data[0][0].mul(255).round();
  EXPECT_EQ(image.sizes(), at::IntArrayRef({3, 28, 28}));
  EXPECT_EQ(image[0][0][0].item<float>(), kRed);        // grey 128
  EXPECT_EQ(image[0][0][1].item<float>(), 255 - kRed);  // grey 129
  EXPECT_EQ(image[1][0][1].item<float>(), 255 - kGreen);
  EXPECT_EQ(image[2][0][1].item<float>(), 255 - kBlue);
  EXPECT_EQ(image[2][27][27].item<float>(), kBlue);
}

TEST_F(PolyMnist, JoinsDigitsOfOneClassAndUsesEachOnce) {
  const auto dataset = make();
  for (std::size_t m = 0; m < 2; ++m) {
    const Batch train = whole(*dataset, Split::train);
    const Batch validation = whole(*dataset, Split::validation);
    const at::Tensor shown = at::cat(
        {digits_shown(train.data[m]), digits_shown(validation.data[m])});
    const at::Tensor labels = at::cat({train.labels, validation.labels});
    EXPECT_TRUE(shown.remainder(10).equal(labels));
    EXPECT_TRUE(std::get<0>(shown.sort()).equal(at::arange(200)));
  }
}

TEST_F(PolyMnist, PairsOtherDigitsInEachModality) {
  const Batch train = whole(*make(), Split::train);
  const at::Tensor equal =
      digits_shown(train.data[0]).eq(digits_shown(train.data[1]));
  EXPECT_LT(equal.sum().item<std::int64_t>(), 40);  // 9 expected of 180
}

TEST_F(PolyMnist, RepeatsItselfBySeedAlone) {
  const Batch one = whole(*make(), Split::train);
  EXPECT_TRUE(one.data[0].equal(whole(*make(), Split::train).data[0]));
  const auto other = make({{"seed", std::int64_t{43}}});
  EXPECT_FALSE(one.data[0].equal(whole(*other, Split::train).data[0]));
  EXPECT_NE(make()->fingerprint(), other->fingerprint());
}

TEST_F(PolyMnist, LimitsKeepTheFirstTuplesAndTheJudges) {
  const auto all = make();
  const auto few =
      make({{"train_limit", std::int64_t{7}}, {"test_limit", std::int64_t{5}}});
  EXPECT_EQ(few->size(Split::train), 7);
  EXPECT_EQ(few->size(Split::test), 5);
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch kept = whole(*few, split);
    EXPECT_TRUE(kept.data[1].equal(all->gather(split, kept.ids).data[1]));
  }
  EXPECT_EQ(few->judge_key(), all->judge_key());
  EXPECT_NE(few->fingerprint(), all->fingerprint());
}

TEST_F(PolyMnist, HalvesTheTestTuplesOnRequest) {
  const auto dataset = make({{"validation", std::string("test_half")}});
  EXPECT_EQ(dataset->size(Split::train), 200);
  const Batch held = whole(*dataset, Split::validation);
  const Batch test = whole(*dataset, Split::test);
  EXPECT_EQ(held.size(), 10);
  const at::Tensor both =
      at::cat({digits_shown(held.data[0]), digits_shown(test.data[0])});
  EXPECT_TRUE(std::get<0>(both.sort()).equal(at::arange(20)));
  EXPECT_NE(dataset->judge_key(), make()->judge_key());
}

// Digit i is a bright bar, 16 high and 6 + i mod 10 wide, at row 4, column 8.
void write_bars(const std::filesystem::path& folder, const std::string& part,
                std::uint32_t size) {
  std::vector<std::uint8_t> pixels(size * kPixelsOfItem, 0);
  std::vector<std::uint8_t> labels(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    labels[i] = static_cast<std::uint8_t>(i % 10);
    for (std::uint32_t row = 4; row < 20; ++row) {
      std::uint8_t* begin = pixels.data() + i * kPixelsOfItem + row * 28 + 8;
      std::fill(begin, begin + 6 + i % 10, 255);
    }
  }
  write_idx(folder / (part + "-images-idx3-ubyte.gz"), {size, 28, 28}, pixels);
  write_idx(folder / (part + "-labels-idx1-ubyte.gz"), {size}, labels);
}

// How bright pixel i of 21 is where pixels begin to end - 1 of 28 are 1.
double scaled_bar(int i, int begin, int end) {
  const double at = (i + 0.5) / 0.75 - 0.5;
  const int low = static_cast<int>(std::floor(at));
  const auto lit = [&](int k) { return k >= begin && k < end ? 1.0 : 0.0; };
  return lit(low) * (1 - at + low) + lit(low + 1) * (at - low);
}

// bool [28, 28] with the scaled bar's corner at (x, y).
at::Tensor moved_bar(int width, int x, int y) {
  at::Tensor mask = at::zeros({28, 28}, at::kBool);
  for (int row = 0; row < 21; ++row) {
    for (int column = 0; column < 21; ++column) {
      const double grey = std::floor(255 * scaled_bar(row, 4, 20) *
                                     scaled_bar(column, 8, 8 + width));
      mask[y + row][x + column] = grey > 128;
    }
  }
  return mask;
}

TEST_F(PolyMnist, MovesASmallerDigitOnRequest) {
  write_bars(folder_.path() / "mnist", "train", 200);
  const auto dataset = make({{"translated", true}});
  const Batch train = whole(*dataset, Split::train);
  const at::Tensor strokes = train.data[0].select(1, 0).mul(255).round() > 128;
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  for (std::int64_t i = 0; i < train.size(); ++i) {
    const int width = 6 + train.labels[i].item<int>();
    const at::Tensor still = moved_bar(width, 0, 0);
    const auto corner = [](const at::Tensor& mask) {
      return std::pair(mask.any(0).nonzero()[0].item<std::int64_t>(),
                       mask.any(1).nonzero()[0].item<std::int64_t>());
    };
    const std::int64_t x = corner(strokes[i]).first - corner(still).first;
    const std::int64_t y = corner(strokes[i]).second - corner(still).second;
    ASSERT_TRUE(x >= 0 && x <= 6 && y >= 0 && y <= 6) << x << " " << y;
    ASSERT_TRUE(strokes[i].equal(
        moved_bar(width, static_cast<int>(x), static_cast<int>(y))));
    places.emplace(x, y);
  }
  EXPECT_GT(places.size(), 40U);  // 48 of 49 expected of 180 draws
  EXPECT_EQ(dataset->judge_sources()[0].kind, JudgeSource::Kind::trained);
  EXPECT_NE(dataset->judge_key(), make()->judge_key());
}

TEST_F(PolyMnist, AsksForTrainedJudgesOnOtherBackgrounds) {
  for (const JudgeSource& source : make()->judge_sources()) {
    EXPECT_EQ(source.kind, JudgeSource::Kind::trained);
  }
  EXPECT_NE(make()->note().find("not comparable"), std::string::npos);
}

TEST_F(PolyMnist, RefusesBackgroundsItCannotCrop) {
  const int data = static_cast<int>(ErrorKind::data);
  EXPECT_EQ(refused({}).first, static_cast<int>(ErrorKind::usage));
  EXPECT_EQ(refused({"absent.png"}).first, data);
  EXPECT_NE(refused({"absent.png"}).second.find("backgrounds/absent.png"),
            std::string::npos);
  EXPECT_EQ(refused({"small.png"}).first, data);
  EXPECT_NE(refused({"small.png"}).second.find("28 x 60"), std::string::npos);
}

TEST_F(PolyMnist, RefusesDigitsThatDisagreeWithTheirLabels) {
  write_idx(folder_.path() / "mnist/t10k-labels-idx1-ubyte.gz", {19},
            std::vector<std::uint8_t>(19, 0));
  EXPECT_EQ(refused({"plain.png"}).first, static_cast<int>(ErrorKind::data));
}

TEST_F(PolyMnist, RefusesLabelsAboveNine) {
  write_idx(folder_.path() / "mnist/t10k-labels-idx1-ubyte.gz", {20},
            std::vector<std::uint8_t>(20, 10));
  EXPECT_NE(refused({"plain.png"}).second.find("above 9"), std::string::npos);
}

// Accuracies of the published classifiers on the substitute backgrounds, as
// measured independently in Python on other crops.
TEST(PolyMnistOnRealData, IsReadByTheOfficialJudges) {
  const Services services = services_of_real_data();
  std::unique_ptr<Dataset> dataset;
  try {
    dataset = make_dataset("poly_mnist", services,
                           {{"train_limit", std::int64_t{1}}});
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(dataset->size(Split::validation), 5000);
  EXPECT_EQ(dataset->size(Split::test), 10000);
  const std::vector<JudgeSource> sources = dataset->judge_sources();
  const double expected[] = {.964, .985, .980, .967, .963};
  const Batch test = whole(*dataset, Split::test);
  for (std::size_t m = 0; m < 5; ++m) {
    ASSERT_EQ(sources[m].kind, JudgeSource::Kind::official);
    const auto judge = make_official_judge(
        sources[m].architecture,
        io::read_npz(services.find_data(sources[m].file, "judge")), "m");
    const Judgement judgement = judge->judge(test.data[m]);
    EXPECT_EQ(judgement.features.sizes(), at::IntArrayRef({10000, 128}));
    const double accuracy =
        judgement.labels.eq(test.labels).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(accuracy, expected[m], 0.001) << "m" << m;
    RecordProperty("accuracy_m" + std::to_string(m), std::to_string(accuracy));
  }
}

}  // namespace poly_mnist_test
}  // namespace shalab
