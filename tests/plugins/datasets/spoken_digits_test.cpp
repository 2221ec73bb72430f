#include <map>

#include "shalab/nn/judges.h"
#include "spoken_digits_files.h"

namespace shalab {
namespace spoken_digits_test {

using namespace spoken;

class SpokenDigits : public SpokenDigitsTest {};

// Ranks and digits of the tones in audio images [B, 1, 32, 32].
at::Tensor ranks_heard(const at::Tensor& audio) {
  const at::Tensor columns = (audio.amax(2).select(1, 0) > 0).sum(1);
  return (columns - 4).div(2, "floor");
}

at::Tensor digits_heard(const at::Tensor& audio) {
  std::vector<double> rows;
  for (int digit = 0; digit < 10; ++digit) {
    rows.push_back(32 - mel(tone_of(digit)) * 33 / mel(4000));
  }
  const at::Tensor loudest = audio.select(3, 15).select(1, 0).argmax(1, true);
  return (loudest - at::tensor(rows, at::kDouble)).abs().argmin(1);
}

TEST_F(SpokenDigits, HasThreeModalitiesAndFixedSplits) {
  write_recordings(tone);
  const auto dataset = make();
  ASSERT_EQ(dataset->modalities().size(), 3U);
  EXPECT_EQ(dataset->modalities()[1].name, "audio");
  EXPECT_EQ(dataset->size(Split::train), 180);
  EXPECT_EQ(dataset->size(Split::validation), 20);
  EXPECT_EQ(dataset->size(Split::test), 20);
  const Batch batch = dataset->gather(Split::train, at::arange(4));
  EXPECT_EQ(batch.data[0].sizes(), at::IntArrayRef({4, 1, 28, 28}));
  EXPECT_EQ(batch.data[1].sizes(), at::IntArrayRef({4, 1, 32, 32}));
  EXPECT_EQ(batch.data[2].sizes(), at::IntArrayRef({4, 8}));
  EXPECT_EQ(batch.data[1].max().item<float>(), 1.0f);
}

TEST_F(SpokenDigits, JoinsAnImageASoundAndAWordOfOneDigit) {
  write_recordings(tone);
  const auto dataset = make();
  const std::vector<JudgeSource> sources = dataset->judge_sources();
  ASSERT_EQ(sources[2].spellings.size(), 10U);
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch batch = whole_of(*dataset, split);
    const at::Tensor lit = batch.data[0].flatten(1).slice(1, 10, 26).gt(0.5);
    const at::Tensor items =
        (lit.to(at::kLong) * at::pow(2, at::arange(16))).sum(1);
    EXPECT_TRUE(items.remainder(10).equal(batch.labels));
    EXPECT_TRUE(digits_heard(batch.data[1]).equal(batch.labels));
    const at::Tensor words =
        at::stack(sources[2].spellings).index_select(0, batch.labels);
    EXPECT_TRUE(batch.data[2].equal(words));
  }
  std::string word;
  for (std::int64_t i = 0; i < 8; ++i) {
    word += dataset->modalities()[2].vocabulary.at(static_cast<std::size_t>(
        sources[2].spellings[7][i].item<std::int64_t>()));
  }
  EXPECT_EQ(word, "seven   ");
}

std::map<std::int64_t, std::int64_t> counts_of(const at::Tensor& values) {
  std::map<std::int64_t, std::int64_t> counts;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    ++counts[values[i].item<std::int64_t>()];
  }
  return counts;
}

using Ranks = std::vector<std::int64_t>;

void expect_ranks(const Dataset& dataset, Split split, const Ranks& ranks) {
  Ranks heard;
  for (const auto& [rank, count] :
       counts_of(ranks_heard(audio_of(dataset, split)))) {
    heard.push_back(rank);
  }
  EXPECT_EQ(heard, ranks) << to_string(split);
}

TEST_F(SpokenDigits, DividesTakesAsTheirAuthorsDo) {
  write_recordings(tone);
  const auto dataset = make();
  expect_ranks(*dataset, Split::test, {0, 3, 6});        // takes 0 to 4
  expect_ranks(*dataset, Split::validation, {1, 4, 7});  // takes 5 to 9
  expect_ranks(*dataset, Split::train, {2, 5, 8});
}

TEST_F(SpokenDigits, DividesSpeakersOnRequest) {
  write_recordings(tone);
  const auto dataset =
      make({{"split", std::string("speaker")},
            {"validation_speakers", std::vector<std::string>{"carl"}},
            {"test_speakers", std::vector<std::string>{"anna"}}});
  expect_ranks(*dataset, Split::test, {0, 1, 2});
  expect_ranks(*dataset, Split::validation, {6, 7, 8});
  expect_ranks(*dataset, Split::train, {3, 4, 5});
  EXPECT_NE(dataset->fingerprint(), make()->fingerprint());
}

TEST_F(SpokenDigits, HearsEachRecordingOfADigitEquallyOften) {
  write_recordings(tone);
  const Batch train = whole_of(*make(), Split::train);
  const at::Tensor heard = train.labels * 10 + ranks_heard(train.data[1]);
  const at::Tensor tuples = at::bincount(train.labels);
  const auto counts = counts_of(heard);
  EXPECT_EQ(counts.size(), 30U);
  for (const auto& [recording, count] : counts) {
    const double share = tuples[recording / 10].item<double>() / 3;
    EXPECT_LT(std::abs(static_cast<double>(count) - share), 1) << recording;
  }
}

TEST_F(SpokenDigits, RepeatsItselfBySeedAlone) {
  write_recordings(tone);
  const Batch one = whole_of(*make(), Split::train);
  EXPECT_TRUE(one.data[1].equal(audio_of(*make(), Split::train)));
  const auto other = make({{"seed", std::int64_t{2}}});
  EXPECT_FALSE(one.data[1].equal(audio_of(*other, Split::train)));
  EXPECT_NE(make()->fingerprint(), other->fingerprint());
  EXPECT_NE(make()->fingerprint(), make(kSmall)->fingerprint());
}

TEST_F(SpokenDigits, LimitsKeepTheFirstTuplesAndTheJudges) {
  write_recordings(tone);
  const auto all = make();
  const auto few =
      make({{"train_limit", std::int64_t{7}}, {"test_limit", std::int64_t{5}}});
  EXPECT_EQ(few->size(Split::train), 7);
  EXPECT_EQ(few->size(Split::test), 5);
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch kept = whole_of(*few, split);
    const Batch same = all->gather(split, kept.ids);
    EXPECT_TRUE(kept.data[0].equal(same.data[0]));
    EXPECT_TRUE(kept.data[1].equal(same.data[1]));
  }
  EXPECT_EQ(few->judge_key(), all->judge_key());
  EXPECT_NE(few->fingerprint(), all->fingerprint());
}

struct Heard {
  at::Tensor audio;   // the different recordings, [N, 32 * 32]
  at::Tensor labels;  // int64 [N]
};

Heard distinct(const Batch& batch) {
  const auto [audio, places, counts] =
      at::unique_dim(batch.data[1].flatten(1), 0, true, true);
  at::Tensor labels = at::empty({audio.size(0)}, at::kLong);
  labels.index_put_({places}, batch.labels);
  return {audio, labels};
}

double share_of(const at::Tensor& hits) {
  return hits.to(at::kDouble).mean().item<double>();
}

TEST(SpokenDigitsOnRealData, SoundsLikeItsDigits) {
  const Services services = services_of_real_data();
  std::unique_ptr<Dataset> dataset;
  try {
    dataset = make_dataset("spoken_digits", services,
                           {{"train_limit", std::int64_t{10000}}});
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(dataset->size(Split::train), 10000);
  EXPECT_EQ(dataset->size(Split::validation), 5000);
  EXPECT_EQ(dataset->size(Split::test), 10000);
  const Batch test = whole_of(*dataset, Split::test);
  const Heard known = distinct(whole_of(*dataset, Split::train));
  const Heard other = distinct(test);
  EXPECT_EQ(known.audio.size(0), 2400);
  EXPECT_EQ(other.audio.size(0), 300);
  const at::Tensor nearest = at::cdist(other.audio, known.audio).argmin(1);
  EXPECT_GT(share_of(known.labels.index_select(0, nearest).eq(other.labels)),
            0.8);
  const JudgeSource source = dataset->judge_sources()[0];
  const auto judge = make_official_judge(
      source.architecture,
      io::read_npz(services.find_data(source.file, "judge")), "image");
  EXPECT_NEAR(share_of(judge->judge(test.data[0]).labels.eq(test.labels)),
              0.9812, 0.0005);
}

}  // namespace spoken_digits_test
}  // namespace shalab
