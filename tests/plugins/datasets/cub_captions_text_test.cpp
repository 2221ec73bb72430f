// Words and pixels against NLTK, scikit-learn and Pillow: the numbers are those
// of tools/oracles/cub_captions.py.

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "cub_captions_files.h"

namespace shalab {
namespace cub_captions_text_test {

using namespace cub_files;

std::vector<std::string> sorted(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  return texts;
}

class CubCaptionsText : public BirdsTest {
 protected:
  // Pictures of two species; `captions` belong to the one outside the test
  // split, ten to a picture, filled up with "x".
  std::unique_ptr<Dataset> dataset_of(std::vector<std::string> captions,
                                      const std::vector<std::string>& test = {},
                                      std::int64_t min_count = 1) const {
    captions.resize(std::max<std::size_t>(20, (captions.size() + 9) / 10 * 10),
                    "x");
    std::vector<std::string> others = test;
    others.resize(10, "x");
    const int pictures = static_cast<int>(captions.size() / 10);
    write_mmvae(birds(), {{"001.Ani", pictures}}, {{"002.Auk", 1}});
    write_text(birds() / "text_trainvalclasses.txt", lines(captions));
    write_text(birds() / "text_testclasses.txt", lines(others));
    return make({{"min_count", min_count}});
  }

  static std::string lines(const std::vector<std::string>& captions) {
    std::string text;
    for (const std::string& caption : captions) text += caption + "\n";
    return text;
  }
};

std::vector<std::string> learned(const Dataset& dataset) {
  std::vector<std::string> texts =
      texts_of(dataset, whole(dataset, Split::train));
  for (const std::string& text :
       texts_of(dataset, whole(dataset, Split::validation))) {
    texts.push_back(text);
  }
  return sorted(texts);
}

TEST_F(CubCaptionsText, HasTheWordsOfNltk) {
  std::ifstream stream(SHALAB_SOURCE_DIR
                       "/tests/fixtures/cub_captions/words.tsv");
  std::vector<std::string> captions, words;
  for (std::string line; std::getline(stream, line);) {
    captions.push_back(line.substr(0, line.find('\t')));
    words.push_back(line.substr(line.find('\t') + 1));
  }
  ASSERT_EQ(captions.size(), 30U);
  EXPECT_EQ(learned(*dataset_of(captions)), sorted(words));
}

TEST_F(CubCaptionsText, BytesBeyondAsciiAreBlanks) {
  const auto dataset =
      dataset_of({"this\xC3\xAF\xC2\xBF\xC2\xBD"
                  "bird\tis\xFF red."});
  EXPECT_EQ(learned(*dataset).front(), "this bird is red .");
}

// "a" thrice, "b" twice, "c" once outside the test split.
TEST_F(CubCaptionsText, LearnsWordsThatAreFrequentOutsideTheTestSplit) {
  const auto dataset = dataset_of({"b a c", "a b", "a"}, {"a c d d d"}, 2);
  EXPECT_EQ(
      dataset->modalities()[1].vocabulary,
      std::vector<std::string>({"<exc>", "<pad>", "<eos>", "b", "a", "x"}));
  EXPECT_EQ(learned(*dataset).front(), "a");
  EXPECT_EQ(learned(*dataset)[2], "b a <exc>");
  const std::vector<std::string> test =
      sorted(texts_of(*dataset, whole(*dataset, Split::test)));
  EXPECT_EQ(test.front(), "a <exc> <exc> <exc> <exc>");
}

TEST_F(CubCaptionsText, EndsAndPadsAtThirtyTwo) {
  std::string many;
  for (int i = 0; i < 40; ++i) many += "w ";
  const auto dataset = dataset_of({many, "v"});
  at::Tensor long_row, short_row;
  for (const Split split : {Split::train, Split::validation}) {
    const Batch batch = whole(*dataset, split);
    for (const at::Tensor& row : batch.data[1].unbind(0)) {
      const auto first = row[0].item<std::int64_t>();
      if (first == 3) long_row = row;
      if (first == 4) short_row = row;
    }
  }
  ASSERT_TRUE(long_row.defined() && short_row.defined());
  EXPECT_TRUE((long_row.slice(0, 0, 31) == 3).all().item<bool>());
  EXPECT_EQ(long_row[31].item<int>(), 2);
  EXPECT_EQ(short_row[1].item<int>(), 2);
  EXPECT_TRUE((short_row.slice(0, 2) == 1).all().item<bool>());
}

// The picture of the oracle's `pattern`.
void write_pattern(const std::filesystem::path& file, int height, int width) {
  io::Image image{width, height, 3, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.pixels.push_back(
            static_cast<std::uint8_t>(17 * y + 31 * x + 7 * x * y + 53 * c));
      }
    }
  }
  io::write_png(file, image);
}

struct Resized {
  int height, width;
  std::array<std::int64_t, 3> sums;
  std::int64_t weighted;
};

TEST_F(CubCaptionsText, ResizesAsPillowDoes) {
  const Resized expected[] = {{6, 8, {476178, 496685, 495295}, 183467459},
                              {100, 81, {521502, 522106, 518249}, 192804335},
                              {64, 64, {519424, 523008, 521216}, 193713810},
                              {300, 257, {522157, 524305, 522300}, 193463165}};
  const at::Tensor weights =
      at::arange(64 * 64).remainder(251).view({1, 64, 64});
  for (const Resized& one : expected) {
    write_mmvae(birds(), {{"001.Ani", 2}}, {{"002.Auk", 1}});
    write_pattern(birds() / "test/002.Auk" / file_name(2), one.height,
                  one.width);
    const at::Tensor pixels =
        whole(*make(), Split::test).data[0][0].mul(255).round().to(at::kLong);
    const at::Tensor sums = pixels.sum({1, 2});
    for (std::int64_t c = 0; c < 3; ++c) {
      EXPECT_EQ(sums[c].item<std::int64_t>(),
                one.sums[static_cast<std::size_t>(c)])
          << one.height << " x " << one.width;
    }
    EXPECT_EQ((pixels * weights).sum().item<std::int64_t>(), one.weighted);
  }
}

std::uint64_t fnv(const void* bytes, std::size_t size) {
  std::uint64_t value = 0xCBF2'9CE4'8422'2325ULL;
  for (std::size_t i = 0; i < size; ++i) {
    value ^= static_cast<const unsigned char*>(bytes)[i];
    value *= 0x100'0000'01B3ULL;
  }
  return value;
}

std::uint64_t sum_of_fnv(const at::Tensor& tokens) {
  const at::Tensor rows = tokens.to(at::kInt).contiguous();
  std::uint64_t sum = 0;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    sum += fnv(rows.data_ptr<std::int32_t>() + 32 * i, 128);
  }
  return sum;
}

class CubCaptionsOnRealData : public BirdsTest {
 protected:
  void SetUp() override {
    try {
      dataset_ = make_cub10();
      pixels_ = at::cat({first_round(Split::train, 248),
                         first_round(Split::validation, 27),
                         first_round(Split::test, 268)});
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  std::unique_ptr<Dataset> make_cub10(ChangedKeys keys = {}) const {
    Services real = services_of_real_data();
    real.cache_folder = services().cache_folder;
    keys.emplace_back("folder", std::string("cub10"));
    return make_dataset("cub_captions", real, keys);
  }

  // The pictures of a split, once each.
  at::Tensor first_round(Split split, std::int64_t pictures) const {
    return dataset_->gather(split, at::arange(pictures)).data[0];
  }

  std::unique_ptr<Dataset> dataset_;
  at::Tensor pixels_;
};

TEST_F(CubCaptionsOnRealData, HasItsSpeciesAndSizes) {
  EXPECT_EQ(dataset_->size(Split::train), 2480);
  EXPECT_EQ(dataset_->size(Split::validation), 270);
  EXPECT_EQ(dataset_->size(Split::test), 2680);
  EXPECT_EQ(dataset_->num_classes(), 10);
  EXPECT_NE(dataset_->note().find("543 of 11788"), std::string::npos);
  const at::Tensor counts = at::bincount(whole(*dataset_, Split::test).labels);
  EXPECT_TRUE(
      counts.equal(at::tensor({600L, 0L, 0L, 600L, 0L, 410L, 0L, 480L, 590L})));
}

TEST_F(CubCaptionsOnRealData, HasTheTokensOfThePublishedCode) {
  const std::vector<std::string>& symbols =
      dataset_->modalities()[1].vocabulary;
  ASSERT_EQ(symbols.size(), 334U);
  std::string joined = symbols.front();
  for (std::size_t i = 1; i < symbols.size(); ++i) joined += "\n" + symbols[i];
  EXPECT_EQ(fnv(joined.data(), joined.size()), 0xFBFB'7055'A6C2'DA55ULL);
  EXPECT_EQ(sum_of_fnv(whole(*dataset_, Split::train).data[1]) +
                sum_of_fnv(whole(*dataset_, Split::validation).data[1]),
            0x536B'BA89'1807'06E4ULL);
  EXPECT_EQ(sum_of_fnv(whole(*dataset_, Split::test).data[1]),
            0x9D77'F9F7'F4DA'770EULL);
}

// JPEG decoders may differ by one grey value in a few pixels: 0.01 of 255.
TEST_F(CubCaptionsOnRealData, HasThePixelsOfPillow) {
  const double expected[] = {270819912, 286864203, 276209114};
  const at::Tensor sums = pixels_.to(at::kDouble).mul(255).sum({0, 2, 3});
  ASSERT_EQ(pixels_.size(0), 543);
  for (std::int64_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(sums[c].item<double>() / (543 * 4096.0),
                expected[c] / (543 * 4096.0), 0.01);
  }
}

TEST_F(CubCaptionsOnRealData, CubsOwnSplitShowsAllSpecies) {
  const auto dataset = make_cub10({{"split", std::string("cub")}});
  EXPECT_EQ(dataset->size(Split::test), 2430);
  for (const Split split : {Split::train, Split::test}) {
    const at::Tensor counts = at::bincount(whole(*dataset, split).labels);
    EXPECT_EQ(counts.gt(0).sum().item<std::int64_t>(), 10);
  }
}

}  // namespace cub_captions_text_test
}  // namespace shalab
