#include <cmath>

#include "rig.h"
#include "shalab/nn/judges.h"

namespace shalab {
namespace coherence_test {

class Coherence : public testing::Test {
 protected:
  void SetUp() override {
    const at::Tensor x = at::zeros({4, 1});
    rig_ = Rig::of_vectors({x, x, x});
    rig_->label({0, 1, 1, 0}, 2);
    rig_->judge_all();
  }

  // The draws of each task, judged; tasks in order joint, given a, b, c.
  const std::vector<at::Tensor> labels_ = {
      rows({0, 0, 0, 1, 1, 1, 0, 0, 1, -1, -1, -1, 1, 1, 1}, 3),
      rows({0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, -1}, 3),
      rows({0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0}, 3),
      rows({-1, -1, -1, 0, 0, 0, 0, 0, 0, 1, 1, 1}, 3)};

  void observe(Metric& metric, const GenerationTask& task,
               const at::Tensor& labels, std::vector<std::int64_t> which) {
    const at::Tensor indices = at::tensor(which, at::kLong);
    Generated batch = rig_->batch_of(task, indices);
    batch.judgements = judged(labels.index_select(0, indices));
    metric.observe(batch);
  }

  std::vector<Measurement> measure(const ChangedKeys& keys = {}) {
    const auto metric = rig_->make("coherence", keys);
    const auto tasks = metric->tasks();
    observe(*metric, tasks[0], labels_[0], {0, 1, 2, 3, 4});
    for (std::size_t i = 1; i < tasks.size(); ++i) {
      observe(*metric, tasks[i], labels_[i], {0, 1, 2, 3});
    }
    return metric->finish();
  }

  std::unique_ptr<Rig> rig_;
};

TEST_F(Coherence, AsksForJointDrawsAndForEachSingleSource) {
  rig_->context.max_samples = 3;
  const auto tasks = rig_->make("coherence")->tasks();
  ASSERT_EQ(tasks.size(), 4U);
  EXPECT_EQ(tasks[0].route, GenerationTask::Route::joint);
  EXPECT_EQ(tasks[0].num_samples, 3);
  for (std::size_t m = 0; m < 3; ++m) {
    EXPECT_EQ(tasks[m + 1].route, GenerationTask::Route::conditional);
    EXPECT_EQ(tasks[m + 1].source, ModalitySubset::only(m));
    EXPECT_EQ(tasks[m + 1].num_samples, 3);
  }
}

TEST_F(Coherence, AsksForNoMoreTuplesThanTheSplitHas) {
  rig_->context.max_samples = 10;
  const auto tasks = rig_->make("coherence")->tasks();
  EXPECT_EQ(tasks[0].num_samples, 10);
  EXPECT_EQ(tasks[1].num_samples, 4);
}

// 3 of 5 draws agree (-1, -1, -1 does not): .6, sqrt(.6 .4 / 4). One of the
// three is of class 0.
TEST_F(Coherence, OfJointDrawsCountsAgreement) {
  const auto all = measure();
  const Measurement joint = get(all, "joint_coherence");
  EXPECT_DOUBLE_EQ(joint.value, 0.6);
  EXPECT_NEAR(joint.spread, std::sqrt(0.06), 1e-12);
  EXPECT_EQ(joint.num_samples, 5);
  EXPECT_EQ(joint.direction, Direction::higher);
  EXPECT_EQ(joint.protocol, "mmvaeplus");
  EXPECT_NEAR(get(all, "joint_class_min_share").value, 1.0 / 3, 1e-12);
  expect_audited(all);
}

// Given a: b is right 4 of 4 times, c 2 of 4; per tuple 1, .5, 1, .5: mean
// .75, variance 1/12, standard error sqrt(1/48).
TEST_F(Coherence, GivenOneCountsTheOtherModalities) {
  const auto all = measure();
  const std::string name = "conditional_coherence";
  EXPECT_DOUBLE_EQ(get(all, name, "a", "b").value, 1.0);
  EXPECT_DOUBLE_EQ(get(all, name, "a", "c").value, 0.5);
  EXPECT_NEAR(get(all, name, "a", "c").spread, std::sqrt(0.25 / 3), 1e-12);
  EXPECT_DOUBLE_EQ(get(all, name, "a").value, 0.75);
  EXPECT_NEAR(get(all, name, "a").spread, std::sqrt(1.0 / 48), 1e-12);
  EXPECT_EQ(find(all, name, "a", "a"), nullptr);
  EXPECT_EQ(find(all, "self_coherence", "a", "a"), nullptr);
}

// Given b all are right, given c none: (.75 + 1 + 0) / 3. A tuple's average
// over sources is 2/3, 1/2, 2/3, 1/2: variance 1/108.
TEST_F(Coherence, GivenOneAveragesOverSources) {
  const Measurement mean = get(measure(), "conditional_coherence", "one");
  EXPECT_NEAR(mean.value, 1.75 / 3, 1e-12);
  EXPECT_NEAR(mean.spread, std::sqrt(1.0 / 108 / 4), 1e-12);
  EXPECT_EQ(mean.num_samples, 4);
}

TEST_F(Coherence, MeasuresTheSourceItselfWhenAsked) {
  const auto all = measure({{"include_self_targets", true}});
  EXPECT_DOUBLE_EQ(get(all, "self_coherence", "a", "a").value, 0.5);
  const std::string name = "conditional_coherence_with_self";
  EXPECT_NEAR(get(all, name, "a").value, 2.0 / 3, 1e-12);
  EXPECT_NEAR(get(all, name, "one").value, 5.0 / 9, 1e-12);
}

TEST_F(Coherence, DoesNotDependOnBatches) {
  const auto metric = rig_->make("coherence");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[0], labels_[0], {4, 2});
  observe(*metric, tasks[0], labels_[0], {1, 0, 3});
  for (std::size_t i = 1; i < tasks.size(); ++i) {
    observe(*metric, tasks[i], labels_[i], {3});
    observe(*metric, tasks[i], labels_[i], {2, 0, 1});
  }
  expect_same(metric->finish(), measure());
}

TEST_F(Coherence, OfPerfectDrawsIsOne) {
  const auto metric = rig_->make("coherence");
  const auto tasks = metric->tasks();
  for (const auto& task : tasks) {
    observe(*metric, task, labels_[2], {0, 1, 2, 3});
  }
  const auto all = metric->finish();
  EXPECT_DOUBLE_EQ(get(all, "joint_coherence").value, 1.0);
  EXPECT_DOUBLE_EQ(get(all, "joint_coherence").spread, 0.0);
  EXPECT_DOUBLE_EQ(get(all, "joint_class_min_share").value, 0.5);
  EXPECT_DOUBLE_EQ(get(all, "conditional_coherence", "one").value, 1.0);
}

TEST_F(Coherence, ReportsNoClassShareWhereNothingAgrees) {
  const auto metric = rig_->make("coherence");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[0], rows({0, 1, 0}, 3), {0});
  const auto all = metric->finish();
  EXPECT_DOUBLE_EQ(get(all, "joint_coherence").value, 0.0);
  EXPECT_EQ(find(all, "joint_class_min_share"), nullptr);
}

// A latent source that serves one route only gives no rows of the other; a
// mean over some of the sources is not the mean over all.
TEST_F(Coherence, ReportsOnlyWhatWasGenerated) {
  const auto metric = rig_->make("coherence");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[2], labels_[2], {0, 1});
  const auto all = metric->finish();
  EXPECT_EQ(find(all, "joint_coherence"), nullptr);
  EXPECT_EQ(find(all, "conditional_coherence", "one"), nullptr);
  EXPECT_DOUBLE_EQ(get(all, "conditional_coherence", "b").value, 1.0);
}

TEST_F(Coherence, SkipsTuplesWhoseSourceIsMissing) {
  const auto metric = rig_->make("coherence");
  const auto tasks = metric->tasks();
  const at::Tensor indices = at::arange(4, at::kLong);
  Generated batch = rig_->batch_of(tasks[1], indices);
  batch.judgements = judged(labels_[1]);
  batch.truth.presence.index_put_({at::tensor({1, 3}), at::tensor({0, 0})},
                                  at::zeros({}, at::kBool));
  metric->observe(batch);
  const Measurement row = get(metric->finish(), "conditional_coherence", "a");
  EXPECT_DOUBLE_EQ(row.value, 1.0);  // tuples 0 and 2
  EXPECT_EQ(row.num_samples, 2);
}

TEST_F(Coherence, PutsTheAccuracyOfKnownJudgesBesideIt) {
  rig_->context.judges.accuracies = {0.9, -1.0, 0.8};
  const auto all = measure();
  EXPECT_DOUBLE_EQ(get(all, "judge_accuracy", "", "a").value, 0.9);
  EXPECT_EQ(find(all, "judge_accuracy", "", "b"), nullptr);
}

TEST_F(Coherence, CarriesJudgesAndDataInItsFingerprint) {
  const std::string before = measure().front().fingerprint;
  rig_->dataset.identity = "other data";
  const std::string other_data = measure().front().fingerprint;
  EXPECT_EQ(before.size(), std::string("judges= data=").size() + 24);
  EXPECT_NE(before, other_data);
}

TEST_F(Coherence, TellsJudgesThatDropOut) {
  class Dropping final : public Judge {
   public:
    Judgement judge(const at::Tensor&) const override { return {}; }
    std::string digest() const override {
      return std::string("network:1") + kLegacyDropout;
    }
  };
  const std::string before = measure().front().fingerprint;
  EXPECT_EQ(before.find("legacy_dropout"), std::string::npos);
  rig_->context.judges.judges[0] = std::make_shared<Dropping>();
  const std::string after = measure().front().fingerprint;
  EXPECT_NE(after.find(" legacy_dropout data="), std::string::npos) << after;
}

TEST_F(Coherence, RefusesModalitiesWithoutAJudge) {
  rig_->context.judges.judges[1] = nullptr;
  expect_refused(*rig_->make("coherence"), ErrorKind::data,
                 "shalab judge train");
  rig_->context.judges.judges.clear();
  expect_refused(*rig_->make("coherence"), ErrorKind::data,
                 "shalab judge train");
}

TEST_F(Coherence, RefusesUnlabelledData) {
  rig_->dataset.classes = 0;
  expect_refused(*rig_->make("coherence"), ErrorKind::data, "labels");
}

TEST_F(Coherence, RefusesOneModality) {
  auto alone = Rig::of_vectors({at::zeros({4, 1})});
  alone->label({0, 1, 1, 0}, 2);
  alone->judge_all();
  expect_refused(*alone->make("coherence"), ErrorKind::usage, "two modalities");
}

TEST_F(Coherence, RefusesToFinishOnNothing) {
  EXPECT_THROW(rig_->make("coherence")->finish(), Error);
}

TEST_F(Coherence, RefusesAnUnknownProtocol) {
  EXPECT_THROW(rig_->make("coherence", {{"protocol", std::string("fid")}}),
               Error);
}

}  // namespace coherence_test
}  // namespace shalab
