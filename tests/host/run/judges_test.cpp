#include "run/judges.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"
#include "shalab/error.h"
#include "shalab/io/safetensors.h"
#include "shalab/resident_dataset.h"

namespace shalab {
namespace judges_test {

// 8x8 pictures, dark in class 0 and bright in class 1; the class as a word;
// and noise that nobody judges.
class TwoShades : public ResidentDataset {
 public:
  explicit TwoShades(bool has_trained_judge = true)
      : ResidentDataset(specs(), {tuples(64), tuples(8), tuples(20)}),
        has_trained_judge_(has_trained_judge) {}

  std::string fingerprint() const override { return "two_shades"; }
  std::int64_t num_classes() const override { return 2; }

  std::vector<JudgeSource> judge_sources() const override {
    std::vector<JudgeSource> sources(3);
    if (has_trained_judge_) sources[0].kind = JudgeSource::Kind::trained;
    sources[1].kind = JudgeSource::Kind::lexicon;
    sources[1].spellings = {at::tensor({0L}), at::tensor({1L})};
    return sources;
  }

 private:
  static std::vector<ModalitySpec> specs() {
    std::vector<ModalitySpec> result(3);
    result[0] = {"picture", ModalityKind::image, {1, 8, 8}, {}, "normal"};
    result[1] = {"word", ModalityKind::tokens, {1}, {"a", "b"}, "categorical"};
    result[2] = {"noise", ModalityKind::vector, {2}, {}, "normal"};
    return result;
  }

  static ResidentSplit tuples(std::int64_t n) {
    const at::Tensor labels = at::arange(n).remainder(2);
    const at::Tensor shade = (labels * 150 + 50).view({n, 1, 1, 1});
    const at::Tensor grain = at::arange(64).view({1, 1, 8, 8}).remainder(7);
    return {
        {(shade + grain).to(at::kByte), labels.view({n, 1}), at::zeros({n, 2})},
        labels};
  }

  bool has_trained_judge_;
};

class Cancelled : public CancelToken {
 public:
  bool cancelled() const override { return true; }
};

class Judges : public ::testing::Test {
 protected:
  Judges() {
    services_ = quiet_services();
    services_.cache_folder = cache_.path();
    training_.epochs = 20;
    training_.batch_size = 16;
  }

  std::filesystem::path folder() const {
    return judge_folder(dataset_, "two_shades", services_);
  }
  std::vector<double> train() {
    return train_judges(dataset_, "two_shades", services_, training_);
  }
  JudgeBank bank() {
    return make_judge_bank(dataset_, "two_shades", services_);
  }

  TemporaryFolder cache_;
  TwoShades dataset_;
  Services services_;
  JudgeTraining training_;
};

TEST_F(Judges, AreTrainedStoredAndFoundAgain) {
  const std::vector<double> accuracies = train();
  EXPECT_EQ(accuracies, (std::vector<double>{1.0, -1.0, -1.0}));
  const JudgeBank found = bank();
  EXPECT_EQ(found.accuracies, (std::vector<double>{1.0, 1.0, -1.0}));
  EXPECT_EQ(found.judges[2], nullptr);
  EXPECT_FALSE(found.complete());
  const Batch test = dataset_.gather(Split::test, at::arange(20));
  EXPECT_TRUE(found.judges[0]->judge(test.data[0]).labels.equal(test.labels));
}

TEST_F(Judges, KeepWhatTheyWereTrainedOnAsMetadata) {
  train();
  const io::Safetensors stored =
      io::read_safetensors(folder() / "picture.safetensors");
  EXPECT_EQ(stored.metadata.at("test_accuracy"), "1");
  EXPECT_EQ(stored.metadata.at("train_tuples"), "64");
  EXPECT_EQ(stored.metadata.at("data"), "two_shades");
}

TEST_F(Judges, AreTheSameForTheSameSeed) {
  train();
  const std::string first = bank().judges[0]->digest();
  train();
  EXPECT_EQ(bank().judges[0]->digest(), first);
  training_.seed = 2;
  train();
  EXPECT_NE(bank().judges[0]->digest(), first);
}

TEST_F(Judges, MeasureTheirAccuracyOnce) {
  train();
  const JudgeBank measured = bank();
  const std::filesystem::path file = folder() / "accuracies.json";
  std::string text = read_file(file);
  const std::size_t place = text.find("1.0");
  ASSERT_NE(place, std::string::npos);
  text.replace(place, 3, "0.5");
  std::ofstream(file) << text;
  const std::vector<double> read = bank().accuracies;
  EXPECT_DOUBLE_EQ(read[0] + read[1], 1.5);
}

TEST_F(Judges, SurviveABrokenAccuracyFile) {
  train();
  bank();
  std::ofstream(folder() / "accuracies.json") << "{\"x\": ";
  EXPECT_EQ(bank().accuracies[0], 1.0);
}

TEST_F(Judges, SayHowToGetAMissingOne) {
  try {
    bank();
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(error.message().find("picture"), std::string::npos);
    EXPECT_NE(error.hint().find("shalab judge train two_shades"),
              std::string::npos);
  }
}

TEST_F(Judges, RefuseWeightsOfAnotherShape) {
  train();
  const std::filesystem::path file = folder() / "picture.safetensors";
  io::Safetensors stored = io::read_safetensors(file);
  stored.tensors["out.weight"] = at::zeros({3, 128});
  io::write_safetensors(file, stored.tensors, stored.metadata);
  try {
    bank();
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(error.message().find("out.weight"), std::string::npos);
  }
}

TEST_F(Judges, StoreNothingWhenCancelled) {
  const Cancelled cancel;
  services_.cancel = &cancel;
  EXPECT_THROW(train(), Error);
  EXPECT_FALSE(std::filesystem::exists(folder() / "picture.safetensors"));
}

TEST_F(Judges, RefuseToTrainWhereNoneIsNeeded) {
  const TwoShades dataset(false);
  try {
    train_judges(dataset, "two_shades", services_, training_);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
}

TEST_F(Judges, RefuseLegacyDropoutWhereNoneIsPublished) {
  train();
  try {
    make_judge_bank(dataset_, "two_shades", services_, c10::kCPU, 1);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("evaluate.legacy_dropout"),
              std::string::npos);
  }
}

TEST_F(Judges, AreAbsentWhereTheDatasetNamesNone) {
  const TwoShades dataset(false);
  const JudgeBank found = make_judge_bank(dataset, "two_shades", services_);
  EXPECT_EQ(found.judges[0], nullptr);
  EXPECT_EQ(found.accuracies[0], -1.0);
}

}  // namespace judges_test
}  // namespace shalab
