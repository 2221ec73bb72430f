#include "rig.h"

namespace shalab {
namespace frechet_distance_test {

// Features are one number. Real a: -1, 0, 1 (mean 0, variance 1); real b: 0,
// 2, 4 (mean 2, variance 4).
class FrechetDistance : public testing::Test {
 protected:
  void SetUp() override {
    rig_ = Rig::of_vectors({column({-1, 0, 1}), column({0, 2, 4})});
    rig_->judge_all();
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    rig_->dataset.identity = test->name();
  }

  static at::Tensor column(std::vector<double> values) {
    return at::tensor(values, at::kFloat).unsqueeze(1);
  }

  void observe(Metric& metric, const GenerationTask& task, const at::Tensor& a,
               const at::Tensor& b) {
    Generated batch = rig_->batch_of(task, at::arange(a.size(0), at::kLong));
    for (const auto& x : {a, b}) {
      batch.judgements.push_back(EchoJudge().judge(x));
    }
    metric.observe(batch);
  }

  std::unique_ptr<Rig> rig_;
};

TEST_F(FrechetDistance, AsksForJointAndConditionalDraws) {
  EXPECT_EQ(rig_->make("frechet_distance")->tasks().size(), 3U);
  const auto joint_only =
      rig_->make("frechet_distance", {{"conditional", false}})->tasks();
  ASSERT_EQ(joint_only.size(), 1U);
  EXPECT_EQ(joint_only[0].route, GenerationTask::Route::joint);
}

// a: N(0, 1) to N(3, 4): 9 + 1 + 4 - 2 sqrt(4) = 10; b: equal, 0.
TEST_F(FrechetDistance, OfJointDrawsIsWorkedByHand) {
  const auto metric = rig_->make("frechet_distance");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[0], column({1, 3, 5}), column({0, 2, 4}));
  const auto all = metric->finish();
  EXPECT_NEAR(get(all, "frechet_distance", "", "a").value, 10.0, 1e-9);
  EXPECT_NEAR(get(all, "frechet_distance", "", "b").value, 0.0, 1e-9);
  const Measurement mean = get(all, "frechet_distance");
  EXPECT_NEAR(mean.value, 5.0, 1e-9);
  EXPECT_EQ(mean.num_samples, 3);
  EXPECT_EQ(mean.direction, Direction::lower);
  EXPECT_EQ(mean.protocol, "FD-judge");
  EXPECT_NE(mean.fingerprint.find("real=3"), std::string::npos);
  expect_audited(all);
}

// Given a: b shifted by 1 (distance 1), a by 2 (4). Given b: a shifted by 3
// (9), b equal (0).
TEST_F(FrechetDistance, GivenOneLeavesTheSourceOut) {
  const auto metric = rig_->make("frechet_distance");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[1], column({1, 2, 3}), column({1, 3, 5}));
  observe(*metric, tasks[2], column({2, 3, 4}), column({0, 2, 4}));
  const auto all = metric->finish();
  const std::string name = "conditional_frechet_distance";
  EXPECT_NEAR(get(all, name, "a", "b").value, 1.0, 1e-9);
  EXPECT_NEAR(get(all, name, "b", "a").value, 9.0, 1e-9);
  EXPECT_NEAR(get(all, name, "one", "a").value, 9.0, 1e-9);
  EXPECT_NEAR(get(all, name, "one").value, 5.0, 1e-9);
  EXPECT_EQ(find(all, "self_frechet_distance", "a", "a"), nullptr);
  EXPECT_EQ(find(all, "frechet_distance"), nullptr);
}

TEST_F(FrechetDistance, GivenOneIncludesTheSourceWhenAsked) {
  const auto metric =
      rig_->make("frechet_distance", {{"include_self_targets", true}});
  const auto tasks = metric->tasks();
  observe(*metric, tasks[1], column({1, 2, 3}), column({1, 3, 5}));
  observe(*metric, tasks[2], column({2, 3, 4}), column({0, 2, 4}));
  const auto all = metric->finish();
  EXPECT_NEAR(get(all, "self_frechet_distance", "a", "a").value, 4.0, 1e-9);
  EXPECT_NEAR(get(all, "conditional_frechet_distance", "one").value, 5.0, 1e-9);
  const std::string name = "conditional_frechet_distance_with_self";
  EXPECT_NEAR(get(all, name, "one", "a").value, 6.5, 1e-9);
  EXPECT_NEAR(get(all, name, "one").value, 3.5, 1e-9);
}

TEST_F(FrechetDistance, DoesNotDependOnBatches) {
  const auto whole = rig_->make("frechet_distance");
  const auto tasks = whole->tasks();
  observe(*whole, tasks[0], column({1, 3, 5}), column({0, 2, 7}));
  const auto parts = rig_->make("frechet_distance");
  observe(*parts, tasks[0], column({5}), column({7}));
  observe(*parts, tasks[0], column({3, 1}), column({2, 0}));
  expect_same(whole->finish(), parts->finish());
}

TEST_F(FrechetDistance, TakesTheFirstTuplesUpToTheLimit) {
  rig_->context.max_samples = 2;  // a: -1, 0: mean -.5, variance .5
  const auto metric = rig_->make("frechet_distance");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[0], column({-1, 0}), column({0, 2}));
  const auto all = metric->finish();
  EXPECT_NEAR(get(all, "frechet_distance").value, 0.0, 1e-9);
  EXPECT_NE(all.front().fingerprint.find("real=2"), std::string::npos);
}

TEST_F(FrechetDistance, MeasuresTheRealSideOfItsOwnData) {
  const auto first = rig_->make("frechet_distance");
  const auto tasks = first->tasks();
  observe(*first, tasks[0], column({-1, 0, 1}), column({0, 2, 4}));
  EXPECT_NEAR(get(first->finish(), "frechet_distance").value, 0.0, 1e-9);
  rig_->dataset.identity += " moved";
  rig_->dataset.data[0] += 2.0;
  const auto second = rig_->make("frechet_distance");
  observe(*second, tasks[0], column({-1, 0, 1}), column({0, 2, 4}));
  EXPECT_NEAR(get(second->finish(), "frechet_distance", "", "a").value, 4.0,
              1e-9);
}

TEST_F(FrechetDistance, RefusesDataWithoutJudgedFeatures) {
  rig_->dataset.sources = std::vector<JudgeSource>(2);
  rig_->dataset.sources[0].kind = JudgeSource::Kind::lexicon;
  rig_->context.judges.judges[1] = nullptr;
  expect_refused(*rig_->make("frechet_distance"), ErrorKind::data,
                 "shalab judge train");
  rig_->context.judges.judges.clear();
  expect_refused(*rig_->make("frechet_distance"), ErrorKind::data,
                 "shalab judge train");
}

TEST_F(FrechetDistance, RefusesOneDraw) {
  const auto metric = rig_->make("frechet_distance");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[0], column({1}), column({0}));
  EXPECT_THROW(metric->finish(), Error);
}

TEST_F(FrechetDistance, RefusesToFinishOnNothing) {
  EXPECT_THROW(rig_->make("frechet_distance")->finish(), Error);
}

}  // namespace frechet_distance_test
}  // namespace shalab
