#include "feature_rig.h"

namespace shalab {
namespace precision_recall_metric_test {

// Two places, 0 and 9, with equally many real samples at both.
class PrecisionRecall : public FeatureRig {
 protected:
  void SetUp() override {
    set_real(column({0, 0, 9, 9}), column({0, 0, 9, 9}));
  }
};

// a is generated at 0 only: p = (1/2, 1/2), q = (1, 0), the best slope is 2:
// F_b = (1 + b^2) / 2 / (b^2 + 1/2), from angles that are pi / 2000 apart.
// b is as real as can be.
TEST_F(PrecisionRecall, TellsMissingModesFromUnrealSamples) {
  const auto all = measure_joint("precision_recall", column({0, 0, 0, 0}),
                                 column({9, 0, 9, 0}));
  const Measurement precision = get(all, "prd_precision", "", "a");
  EXPECT_NEAR(precision.value, 65.0 / 128 / (1.0 / 64 + 0.5), 5e-3);
  EXPECT_EQ(precision.direction, Direction::higher);
  EXPECT_EQ(precision.protocol, "PRD-judge clusters=20 runs=10 seed=0");
  EXPECT_NEAR(get(all, "prd_recall", "", "a").value, 65.0 / 2 / 64.5, 5e-3);
  EXPECT_NEAR(get(all, "prd_precision", "", "b").value, 1.0, 1e-9);
  EXPECT_NEAR(get(all, "prd_recall", "", "b").value, 1.0, 1e-9);
  EXPECT_NEAR(get(all, "prd_recall").value,
              (1 + get(all, "prd_recall", "", "a").value) / 2, 1e-9);
  expect_audited(all);
}

TEST_F(PrecisionRecall, GivenOneLeavesTheSourceOut) {
  const auto metric = rig_->make("precision_recall");
  const auto tasks = metric->tasks();
  ASSERT_EQ(tasks.size(), 3U);
  observe(*metric, tasks[1], column({5, 5, 5, 5}), column({0, 0, 9, 9}));
  observe(*metric, tasks[2], column({5, 5, 5, 5}), column({0, 0, 9, 9}));
  const auto all = metric->finish();
  EXPECT_NEAR(get(all, "conditional_prd_recall", "a", "b").value, 1.0, 1e-9);
  EXPECT_NEAR(get(all, "conditional_prd_recall", "b", "a").value, 0.0, 1e-9);
  EXPECT_NEAR(get(all, "conditional_prd_precision", "one").value, 0.5, 1e-9);
  EXPECT_EQ(find(all, "conditional_prd_recall", "a", "a"), nullptr);
}

TEST_F(PrecisionRecall, DoesNotDependOnBatchesOrOrder) {
  const at::Tensor x = at::sin(at::arange(300, at::kFloat)).view({100, 3});
  const at::Tensor y = at::cos(at::arange(300, at::kFloat)).view({100, 3});
  set_real(x, y);
  const auto whole = measure_joint("precision_recall", y, x);
  expect_same(whole, measure_joint("precision_recall", y, x, {}, true));
  const auto other =
      measure_joint("precision_recall", y, x, {{"seed", std::int64_t{1}}});
  EXPECT_NE(get(other, "prd_recall").value, get(whole, "prd_recall").value);
}

TEST_F(PrecisionRecall, RefusesNoneOrOneDraw) {
  EXPECT_NE(
      refusal("precision_recall", column({1}), column({1})).find("1 generated"),
      std::string::npos);
  const at::Tensor none = at::zeros({0, 1});
  EXPECT_NE(refusal("precision_recall", none, none).find("0 generated"),
            std::string::npos);
  EXPECT_THROW(rig_->make("precision_recall")->finish(), Error);
}

TEST_F(PrecisionRecall, RefusesDataWithoutJudges) {
  rig_->context.judges.judges.clear();
  rig_->dataset.sources.resize(2);
  expect_refused(*rig_->make("precision_recall"), ErrorKind::data,
                 "~metric.precision_recall");
}

}  // namespace precision_recall_metric_test
}  // namespace shalab
