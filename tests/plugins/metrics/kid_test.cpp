#include <cmath>
#include <limits>

#include "feature_rig.h"

namespace shalab {
namespace kid_test {

// One feature: the kernel is (x y + 1)^3.
class Kid : public FeatureRig {
 protected:
  void SetUp() override { set_real(column({0, 1}), column({0, 2})); }
};

// a: {0, 1} to {1, 2}: (2 + 54) / 2 - 2 * 37 / 4 = 9.5; b: {0, 2} to itself:
// (2 + 2) / 2 - 2 (1 + 1 + 1 + 125) / 4 = -62.
TEST_F(Kid, OfJointDrawsIsWorkedByHand) {
  const auto all = measure_joint("kid", column({1, 2}), column({0, 2}));
  const Measurement a = get(all, "kernel_distance", "", "a");
  EXPECT_NEAR(a.value, 9.5, 1e-9);
  EXPECT_EQ(a.direction, Direction::lower);
  EXPECT_EQ(a.num_samples, 2);
  EXPECT_EQ(a.protocol, "KD-judge subsets=100x1000 seed=0");
  EXPECT_NE(a.fingerprint.find("judges="), std::string::npos);
  EXPECT_NE(a.fingerprint.find("real=2"), std::string::npos);
  EXPECT_NEAR(get(all, "kernel_distance", "", "b").value, -62.0, 1e-9);
  EXPECT_NEAR(get(all, "kernel_distance").value, (9.5 - 62) / 2, 1e-9);
  EXPECT_EQ(get(all, "kernel_distance_deviation", "", "a").direction,
            Direction::none);
  EXPECT_EQ(find(all, "kernel_distance_deviation"), nullptr);
  expect_audited(all);
}

TEST_F(Kid, GivenOneLeavesTheSourceOut) {
  const auto metric = rig_->make("kid");
  const auto tasks = metric->tasks();
  ASSERT_EQ(tasks.size(), 3U);
  observe(*metric, tasks[1], column({1, 2}), column({0, 2}));
  observe(*metric, tasks[2], column({1, 2}), column({0, 2}));
  const auto all = metric->finish();
  const std::string name = "conditional_kernel_distance";
  EXPECT_NEAR(get(all, name, "a", "b").value, -62.0, 1e-9);
  EXPECT_NEAR(get(all, name, "b", "a").value, 9.5, 1e-9);
  EXPECT_NEAR(get(all, name, "one", "a").value, 9.5, 1e-9);
  EXPECT_NEAR(get(all, name, "one").value, (9.5 - 62) / 2, 1e-9);
  EXPECT_EQ(find(all, name, "a", "a"), nullptr);
  EXPECT_EQ(find(all, name + "_deviation", "one"), nullptr);
}

TEST_F(Kid, DoesNotDependOnBatchesOrOrder) {
  const at::Tensor x = at::sin(at::arange(60, at::kFloat)).view({20, 3});
  const at::Tensor y = at::cos(at::arange(60, at::kFloat)).view({20, 3});
  set_real(x, y);
  const ChangedKeys keys{{"subsets", std::int64_t{7}},
                         {"subset_size", std::int64_t{5}}};
  const auto whole = measure_joint("kid", y, x, keys);
  expect_same(whole, measure_joint("kid", y, x, keys, true));
  EXPECT_GT(get(whole, "kernel_distance_deviation", "", "a").value, 0.0);
  EXPECT_GT(get(whole, "kernel_distance", "", "a").spread, 0.0);
  ChangedKeys other = keys;
  other.push_back({"seed", std::int64_t{1}});
  EXPECT_NE(get(measure_joint("kid", y, x, other), "kernel_distance").value,
            get(whole, "kernel_distance").value);
}

TEST_F(Kid, RefusesNoneOrOneDraw) {
  EXPECT_NE(refusal("kid", column({1}), column({1})).find("1 generated"),
            std::string::npos);
  const at::Tensor none = at::zeros({0, 1});
  EXPECT_NE(refusal("kid", none, none).find("0 generated"), std::string::npos);
  EXPECT_THROW(rig_->make("kid")->finish(), Error);
}

TEST_F(Kid, RefusesOneRealSample) {
  rig_->context.max_samples = 1;
  EXPECT_NE(
      refusal("kid", column({1, 2}), column({1, 2})).find("1 real samples"),
      std::string::npos);
}

TEST_F(Kid, RefusesFeaturesThatAreNotFinite) {
  const at::Tensor bad = column({1, std::numeric_limits<double>::infinity()});
  EXPECT_NE(refusal("kid", bad, bad).find("not finite"), std::string::npos);
}

TEST_F(Kid, TakesVectorsOfDataThatNameNoJudgesAsTheirOwnFeatures) {
  rig_->context.judges.judges.clear();
  const auto metric = rig_->make("kid");
  const auto tasks = metric->tasks();
  Generated batch = rig_->batch_of(tasks[0], at::arange(2, at::kLong));
  batch.samples = {column({1, 2}), column({0, 2})};
  metric->observe(batch);
  const Measurement a = get(metric->finish(), "kernel_distance", "", "a");
  EXPECT_NEAR(a.value, 9.5, 1e-9);
  EXPECT_EQ(a.protocol, "KD-features subsets=100x1000 seed=0");
}

TEST_F(Kid, RefusesDataWithoutJudges) {
  rig_->context.judges.judges.clear();
  rig_->dataset.sources.resize(2);
  expect_refused(*rig_->make("kid"), ErrorKind::data, "shalab judge train");
}

}  // namespace kid_test
}  // namespace shalab
