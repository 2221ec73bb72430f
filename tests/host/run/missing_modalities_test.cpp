#include "run/missing_modalities.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shalab/resident_dataset.h"

namespace shalab {
namespace missing_modalities_test {

constexpr std::int64_t kTrain = 4000;

// No datum is zero: what is zero is hidden.
class Complete final : public ResidentDataset {
 public:
  Complete()
      : ResidentDataset(specs(), {split(kTrain), split(50), split(60)}) {}

  std::string fingerprint() const override { return "complete"; }
  std::optional<at::Tensor> exact_log_likelihood(
      const Batch& batch) const override {
    return at::zeros({batch.size()});
  }

 private:
  static std::vector<ModalitySpec> specs() {
    std::vector<ModalitySpec> result(3);
    result[0] = {"picture", ModalityKind::image, {1, 2, 2}, {}, "normal"};
    result[1] = {"word", ModalityKind::tokens, {2}, {"_", "a"}, "categorical"};
    result[2] = {"curve", ModalityKind::vector, {3}, {}, "normal"};
    return result;
  }
  static ResidentSplit split(std::int64_t n) {
    return {{at::full({n, 1, 2, 2}, 200, at::kByte),
             at::ones({n, 2}, at::kByte), at::ones({n, 3})},
            at::zeros({n}, at::kLong)};
  }
};

MissingModalities incomplete(double rate, bool in_all_splits = false,
                             std::uint64_t seed = 1) {
  return {std::make_unique<Complete>(), {rate, in_all_splits}, seed};
}

at::Tensor presence_of_all(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split))).presence;
}

// Of M = 3 at rate p, a tuple loses all before one is put back with p^3: the
// share hidden is p - p^3 / 3. Five standard errors.
TEST(MissingModalities, HideTheRateAndNeverAll) {
  for (const double rate : {0.2, 0.5, 0.9}) {
    const at::Tensor presence = presence_of_all(incomplete(rate), Split::train);
    EXPECT_TRUE(presence.any(1).all().item<bool>());
    const double hidden = 1 - presence.to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(hidden, rate - rate * rate * rate / 3,
                5 * std::sqrt(rate * (1 - rate) / (3 * kTrain)));
  }
}

TEST(MissingModalities, RateOneLeavesOneOfEach) {
  const at::Tensor presence = presence_of_all(incomplete(1), Split::train);
  EXPECT_TRUE(presence.sum(1).eq(1).all().item<bool>());
  const at::Tensor share = presence.to(at::kDouble).mean(0);
  EXPECT_NEAR(share[1].item<double>(), 1 / 3.0,
              5 * std::sqrt(2 / 9.0 / kTrain));
}

TEST(MissingModalities, HiddenDataAreZerosOfTheirType) {
  const Batch batch = incomplete(0.5).gather(Split::train, at::arange(kTrain));
  EXPECT_EQ(batch.data[0].scalar_type(), at::kFloat);
  EXPECT_EQ(batch.data[1].scalar_type(), at::kLong);
  for (std::size_t m = 0; m < 3; ++m) {
    const at::Tensor is_shown = batch.data[m].flatten(1).ne(0);
    const at::Tensor present =
        batch.presence.select(1, static_cast<std::int64_t>(m)).unsqueeze(1);
    EXPECT_TRUE(at::equal(is_shown, present.expand_as(is_shown)));
  }
}

TEST(MissingModalities, DependOnTheTupleNotOnTheBatch) {
  const auto dataset = incomplete(0.5);
  const at::Tensor all = presence_of_all(dataset, Split::train);
  const at::Tensor some = at::tensor({7, 3999, 7, 0}, at::kLong);
  EXPECT_TRUE(at::equal(dataset.gather(Split::train, some).presence,
                        all.index_select(0, some)));
  EXPECT_TRUE(at::equal(presence_of_all(incomplete(0.5), Split::train), all));
  EXPECT_FALSE(
      at::equal(presence_of_all(incomplete(0.5, false, 2), Split::train), all));
}

TEST(MissingModalities, OtherSplitsStayCompleteUnlessAsked) {
  const auto train_only = incomplete(0.5);
  const auto everywhere = incomplete(0.5, true);
  for (const Split split : {Split::validation, Split::test}) {
    EXPECT_TRUE(presence_of_all(train_only, split).all().item<bool>());
    EXPECT_FALSE(presence_of_all(everywhere, split).all().item<bool>());
  }
  EXPECT_TRUE(at::equal(presence_of_all(train_only, Split::train),
                        presence_of_all(everywhere, Split::train)));
}

TEST(MissingModalities, TellWhichSubsetsOccur) {
  EXPECT_EQ(incomplete(0.5).subsets(Split::train).size(), 7U);
  EXPECT_EQ(incomplete(1).subsets(Split::train).size(), 3U);
  EXPECT_EQ(incomplete(0.5).subsets(Split::test),
            std::set<ModalitySubset>{ModalitySubset::all(3)});
}

TEST(MissingModalities, MeasureOtherDataOnlyWhereTheTestSplitIsIncomplete) {
  const auto train_only = incomplete(0.5);
  const auto everywhere = incomplete(0.5, true);
  EXPECT_EQ(train_only.fingerprint(), "complete");
  EXPECT_EQ(everywhere.fingerprint(), "complete missing=0.5 seed=1");
  const Batch batch = train_only.gather(Split::test, at::arange(4));
  EXPECT_TRUE(train_only.exact_log_likelihood(batch).has_value());
  EXPECT_FALSE(everywhere.exact_log_likelihood(batch).has_value());
}

}  // namespace missing_modalities_test
}  // namespace shalab
