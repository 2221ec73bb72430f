#include "paired_folder_files.h"

namespace shalab {
namespace paired_folder_test {

namespace fs = std::filesystem;
using namespace paired;

class PairedFolder : public PairedFolderTest {};

Batch whole(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

// All splits after each other.
Batch everything(const Dataset& dataset) {
  std::vector<Batch> parts;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    parts.push_back(whole(dataset, split));
  }
  Batch batch;
  for (std::size_t m = 0; m < dataset.modalities().size(); ++m) {
    batch.data.push_back(
        at::cat({parts[0].data[m], parts[1].data[m], parts[2].data[m]}));
  }
  batch.presence =
      at::cat({parts[0].presence, parts[1].presence, parts[2].presence});
  if (parts[0].labels.defined()) {
    batch.labels = at::cat({parts[0].labels, parts[1].labels, parts[2].labels});
  }
  return batch;
}

std::string spelled(const at::Tensor& tokens, const ModalitySpec& modality) {
  std::string text;
  for (std::int64_t i = 0; i < tokens.size(0); ++i) {
    text += modality.vocabulary.at(
        static_cast<std::size_t>(tokens[i].item<std::int64_t>()));
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// Which tuples the vectors belong to, int64 [B].
at::Tensor tuples_of(const at::Tensor& poses) {
  return poses.select(1, 0).round().to(at::kLong);
}

TEST_F(PairedFolder, ReadsAFolderForEachModality) {
  const auto dataset = make();
  const auto& modalities = dataset->modalities();
  ASSERT_EQ(modalities.size(), 3U);
  EXPECT_EQ(modalities[0].name, "photo");
  EXPECT_EQ(modalities[0].kind, ModalityKind::image);
  EXPECT_EQ(modalities[0].shape, (std::vector<std::int64_t>{1, 4, 6}));
  EXPECT_EQ(modalities[1].name, "pose");
  EXPECT_EQ(modalities[1].kind, ModalityKind::vector);
  EXPECT_EQ(modalities[1].shape, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(modalities[2].name, "word");
  EXPECT_EQ(modalities[2].kind, ModalityKind::tokens);
  EXPECT_EQ(modalities[2].shape, (std::vector<std::int64_t>{9}));
  EXPECT_EQ(dataset->size(Split::train), 14);
  EXPECT_EQ(dataset->size(Split::validation), 2);
  EXPECT_EQ(dataset->size(Split::test), 4);
  EXPECT_EQ(dataset->note(), "");
}

TEST_F(PairedFolder, JoinsFilesOfOneStemAndDividesThem) {
  const auto dataset = make();
  const Batch all = everything(*dataset);
  const at::Tensor tuples = tuples_of(all.data[1]);
  EXPECT_TRUE(std::get<0>(tuples.sort()).equal(at::arange(kTuples)));
  EXPECT_TRUE(all.presence.all().item<bool>());
  EXPECT_FALSE(all.labels.defined());
  for (std::int64_t i = 0; i < kTuples; ++i) {
    const auto tuple = tuples[i].item<std::int64_t>();
    const at::Tensor photo = all.data[0][i].mul(255).round();
    EXPECT_TRUE((photo == 10 * tuple).all().item<bool>());
    EXPECT_EQ(all.data[1][i][2].item<float>(), -1.0F * tuple);
    const std::string word = spelled(all.data[2][i], dataset->modalities()[2]);
    EXPECT_EQ(word.substr(0, 7), "number ");
  }
}

TEST_F(PairedFolder, TakesOtherKindsAndOrdersOnRequest) {
  fs::rename(file("photo/t03.png"), file("photo/t03.JPG"));
  text(".hidden/x.txt", "left alone");
  text("photo/.hidden.doc", "left alone");
  text("readme.md", "left alone");
  text("notes/x.docx", "left alone");
  const auto dataset =
      make({{"modalities", std::vector<std::string>{"word", "photo"}}});
  ASSERT_EQ(dataset->modalities().size(), 2U);
  EXPECT_EQ(dataset->modalities()[0].name, "word");
  EXPECT_EQ(everything(*dataset).data[1].size(0), kTuples);
}

TEST_F(PairedFolder, TurnsMissingFilesIntoThePresenceMask) {
  remove("photo/t03.png");
  remove("word/t05.txt");
  text("word/t20.txt", "only a word");
  const auto dataset =
      make({{"modalities", std::vector<std::string>{"pose", "photo", "word"}}});
  EXPECT_NE(dataset->note().find("3 of 21 tuples"), std::string::npos)
      << dataset->note();
  const Batch all = everything(*dataset);
  const at::Tensor counts = all.presence.sum(0);
  EXPECT_TRUE(counts.equal(at::tensor({20L, 19L, 20L}))) << counts;
  for (std::int64_t i = 0; i < 21; ++i) {
    const bool has_pose = all.presence[i][0].item<bool>();
    const auto tuple =
        has_pose ? tuples_of(all.data[0].slice(0, i, i + 1)).item<int>() : 20;
    EXPECT_EQ(all.presence[i][1].item<bool>(), tuple != 3 && tuple != 20);
    EXPECT_EQ(all.presence[i][2].item<bool>(), tuple != 5);
    for (std::size_t m = 0; m < 3; ++m) {
      if (all.presence[i][static_cast<std::int64_t>(m)].item<bool>()) continue;
      EXPECT_TRUE((all.data[m][i] == 0).all().item<bool>()) << tuple;
    }
  }
}

TEST_F(PairedFolder, DrawsSplitsBySeedAlone) {
  const auto poses = [this](std::int64_t seed) {
    return whole(*make({{"seed", seed}}), Split::train).data[1];
  };
  EXPECT_TRUE(poses(1).equal(poses(1)));
  EXPECT_FALSE(poses(1).equal(poses(2)));
  EXPECT_EQ(make()->fingerprint(), make()->fingerprint());
  EXPECT_NE(make()->fingerprint(),
            make({{"seed", std::int64_t{2}}})->fingerprint());
  const auto other = make({{"validation_share", 0.25}, {"test_share", 0.5}});
  EXPECT_EQ(other->size(Split::train), 5);
  EXPECT_EQ(other->size(Split::validation), 5);
  EXPECT_EQ(other->size(Split::test), 10);
}

TEST_F(PairedFolder, KeepsGivenSplits) {
  table("splits.csv", [](int i) {
    return std::string(i < 12 ? "train" : i < 17 ? "validation" : "test");
  });
  const auto dataset = make();
  const auto tuples = [&](Split split) {
    return tuples_of(whole(*dataset, split).data[1]);
  };
  EXPECT_TRUE(tuples(Split::train).equal(at::arange(12)));
  EXPECT_TRUE(tuples(Split::validation).equal(at::arange(12, 17)));
  EXPECT_TRUE(tuples(Split::test).equal(at::arange(17, 20)));
}

TEST_F(PairedFolder, FingerprintChangesWithTheData) {
  const std::string before = make()->fingerprint();
  picture("photo/t07.png", 6, 4, 1, 71);
  EXPECT_NE(make()->fingerprint(), before);
}

TEST_F(PairedFolder, NumbersNamedClassesInTheirOrder) {
  table("labels.csv", [](int i) { return i % 3 == 0 ? "cat" : "ant"; });
  const auto dataset = make();
  EXPECT_EQ(dataset->num_classes(), 2);
  const Batch all = everything(*dataset);
  const at::Tensor is_cat = tuples_of(all.data[1]).remainder(3).eq(0);
  EXPECT_TRUE(all.labels.equal(is_cat.to(at::kLong)));
}

TEST_F(PairedFolder, KeepsNumberedClasses) {
  table("labels.csv", [](int i) { return std::to_string(i % 4 + 8); });
  const auto dataset = make();
  EXPECT_EQ(dataset->num_classes(), 12);
  const Batch all = everything(*dataset);
  EXPECT_TRUE(all.labels.equal(tuples_of(all.data[1]).remainder(4) + 8));
}

TEST_F(PairedFolder, JudgesLabelledImagesAndSpelledClasses) {
  EXPECT_EQ(make()->judge_sources()[0].kind, JudgeSource::Kind::none);
  table("labels.csv", [](int i) { return i % 2 == 0 ? "even" : "odd"; });
  for (int i = 0; i < kTuples; ++i) {
    text("word/" + stem(i) + ".txt", i % 2 == 0 ? "even" : "odd");
  }
  const auto dataset = make();
  const std::vector<JudgeSource> sources = dataset->judge_sources();
  EXPECT_EQ(sources[0].kind, JudgeSource::Kind::trained);
  EXPECT_EQ(sources[1].kind, JudgeSource::Kind::none);
  ASSERT_EQ(sources[2].kind, JudgeSource::Kind::lexicon);
  EXPECT_EQ(spelled(sources[2].spellings[1], dataset->modalities()[2]), "odd");
  text("word/t04.txt", "uneven");
  remove("photo/t06.png");
  const std::vector<JudgeSource> fewer = make()->judge_sources();
  EXPECT_EQ(fewer[0].kind, JudgeSource::Kind::none);
  EXPECT_EQ(fewer[2].kind, JudgeSource::Kind::none);
}

TEST_F(PairedFolder, ResizesPicturesOnRequest) {
  picture("photo/t00.png", 13, 9, 1, 40);
  expect_refused({"photo", "t01.png", "t00.png", "[1, 9, 13]"});
  const auto dataset = make({{"image_side", std::int64_t{8}}});
  const Batch all = everything(*dataset);
  EXPECT_EQ(all.data[0].sizes(), at::IntArrayRef({kTuples, 1, 8, 8}));
  const at::Tensor tuples = tuples_of(all.data[1]);
  const at::Tensor values = at::where(tuples == 0, 40, 10 * tuples);
  EXPECT_TRUE(all.data[0]
                  .mul(255)
                  .round()
                  .eq(values.view({kTuples, 1, 1, 1}))
                  .all()
                  .item<bool>());
}

TEST_F(PairedFolder, HasColourWhereAnyPictureHas) {
  io::Image red{6, 4, 3, {}};
  for (int i = 0; i < 24; ++i) {
    red.pixels.insert(red.pixels.end(), {200, 0, 0});
  }
  io::write_png(file("photo/t02.png"), red);
  const Batch all = everything(*make());
  const at::Tensor tuples = tuples_of(all.data[1]);
  const at::Tensor first = all.data[0].select(2, 0).select(2, 0).mul(255);
  EXPECT_EQ(first.sizes(), at::IntArrayRef({kTuples, 3}));
  for (std::int64_t i = 0; i < kTuples; ++i) {
    const auto tuple = tuples[i].item<float>();
    const at::Tensor colour =
        tuple == 2 ? at::tensor({200.F, 0.F, 0.F}) : at::full({3}, 10 * tuple);
    EXPECT_TRUE(at::allclose(first[i], colour, 0, 1e-3)) << tuple;
  }
}

TEST_F(PairedFolder, LearnsSymbolsFromTheTrainingTextsAlone) {
  table("splits.csv", [](int i) {
    return std::string(i < 18 ? "train" : i == 18 ? "validation" : "test");
  });
  for (int i = 0; i < kTuples; ++i) text("word/" + stem(i) + ".txt", "b ab");
  text("word/t19.txt",
       "bxa\xC3\xA9"
       "bb");
  const auto dataset = make();
  const ModalitySpec& word = dataset->modalities()[2];
  EXPECT_EQ(word.vocabulary,
            (std::vector<std::string>{" ", "<unk>", "a", "b"}));
  EXPECT_EQ(word.shape, (std::vector<std::int64_t>{4}));
  const at::Tensor test = whole(*dataset, Split::test).data[2][0];
  EXPECT_TRUE(test.equal(at::tensor({3L, 1L, 2L, 1L}))) << test;
  const at::Tensor train = whole(*dataset, Split::train).data[2][0];
  EXPECT_TRUE(train.equal(at::tensor({3L, 0L, 2L, 3L}))) << train;
}

TEST_F(PairedFolder, CutsTextsIntoWords) {
  for (int i = 0; i < kTuples; ++i) {
    text("word/" + stem(i) + ".txt", "A red\n  car ");
  }
  table("splits.csv", [](int i) {
    return std::string(i < 18 ? "train" : i == 18 ? "validation" : "test");
  });
  text("word/t03.txt", "One red bus came by");
  const ChangedKeys keys = {{"text_unit", std::string("word")},
                            {"text_length", std::int64_t{4}},
                            {"min_count", std::int64_t{2}}};
  const auto dataset = make(keys);
  EXPECT_EQ(dataset->modalities()[2].vocabulary,
            (std::vector<std::string>{"<pad>", "<unk>", "a", "car", "red"}));
  const at::Tensor rows = whole(*dataset, Split::train).data[2];
  EXPECT_TRUE(rows[0].equal(at::tensor({2L, 4L, 3L, 0L}))) << rows[0];
  EXPECT_TRUE(rows[3].equal(at::tensor({1L, 4L, 1L, 1L}))) << rows[3];
}

}  // namespace paired_folder_test
}  // namespace shalab
