// Protocol multivae of the metric coherence.

#include <cmath>

#include "rig.h"

namespace shalab {
namespace coherence_by_subset_test {

class CoherenceBySubset : public testing::Test {
 protected:
  // Class 0 three times, class 1 once: macro and plain averages differ.
  void SetUp() override {
    const at::Tensor x = at::zeros({4, 1});
    rig_ = Rig::of_vectors({x, x, x});
    rig_->label({0, 0, 0, 1}, 2);
    rig_->judge_all();
  }

  std::unique_ptr<Metric> make(std::vector<std::string> sizes = {}) {
    return rig_->make("coherence", {{"protocol", std::string("multivae")},
                                    {"source_sizes", std::move(sizes)}});
  }

  void observe(Metric& metric, const GenerationTask& task,
               const at::Tensor& labels,
               std::vector<std::int64_t> which = {0, 1, 2, 3}) {
    const at::Tensor indices = at::tensor(which, at::kLong);
    Generated batch = rig_->batch_of(task, indices);
    batch.judgements = judged(labels.index_select(0, indices));
    metric.observe(batch);
  }

  // Given a: b right for 1 of 3 and 1 of 1, c for 2 of 3 and 0 of 1. All
  // other sources: everything right.
  const at::Tensor given_a_ = rows({9, 0, 0, 9, 1, 0, 9, 1, 1, 9, 1, 0}, 3);
  const at::Tensor perfect_ = rows({0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1}, 3);

  std::vector<Measurement> measure() {
    const auto metric = make();
    const auto tasks = metric->tasks();
    for (const auto& task : tasks) {
      const bool is_a = task.source == ModalitySubset::only(0);
      observe(*metric, task, is_a ? given_a_ : perfect_);
    }
    return metric->finish();
  }

  std::unique_ptr<Rig> rig_;
};

TEST_F(CoherenceBySubset, AsksForEveryProperSubset) {
  const auto tasks = make()->tasks();
  ASSERT_EQ(tasks.size(), 7U);
  EXPECT_EQ(tasks[0].route, GenerationTask::Route::joint);
  std::vector<std::string> sources;
  for (std::size_t i = 1; i < tasks.size(); ++i) {
    EXPECT_EQ(tasks[i].route, GenerationTask::Route::conditional);
    sources.push_back(tasks[i].source.text(rig_->context.modalities));
  }
  EXPECT_EQ(sources, (std::vector<std::string>{"a", "b", "c", "a+b", "a+c",
                                               "b+c"}));
}

TEST_F(CoherenceBySubset, AsksForTheWantedSizesOnly) {
  EXPECT_EQ(make({"1"})->tasks().size(), 4U);
  EXPECT_EQ(make({"2"})->tasks().size(), 4U);
  for (const std::string wrong : {"0", "3", "two", "-1", "1.5"}) {
    EXPECT_THROW(make({wrong}), Error) << wrong;
  }
}

// b: (1/3 + 1) / 2 = 2/3; c: (2/3 + 0) / 2 = 1/3; their mean 1/2.
TEST_F(CoherenceBySubset, AveragesOverClasses) {
  const auto all = measure();
  const std::string name = "conditional_coherence";
  EXPECT_NEAR(get(all, name, "a", "b").value, 2.0 / 3, 1e-12);
  EXPECT_NEAR(get(all, name, "a", "c").value, 1.0 / 3, 1e-12);
  EXPECT_NEAR(get(all, name, "a").value, 0.5, 1e-12);
  EXPECT_EQ(get(all, name, "a").protocol, "multivae");
  EXPECT_EQ(get(all, name, "a").num_samples, 4);
  expect_audited(all);
}

// Shares 1/3 of three (standard error 1/3) and 1 of one (0): sqrt(1/9) / 2.
TEST_F(CoherenceBySubset, StratifiesTheStandardErrorByClass) {
  const auto row = get(measure(), "conditional_coherence", "a", "b");
  EXPECT_NEAR(row.spread, 1.0 / 6, 1e-12);
}

TEST_F(CoherenceBySubset, LeavesTheSourceOut) {
  const auto all = measure();
  EXPECT_EQ(find(all, "conditional_coherence", "a", "a"), nullptr);
  EXPECT_EQ(find(all, "conditional_coherence", "a+b", "b"), nullptr);
  EXPECT_NE(find(all, "conditional_coherence", "a+b", "c"), nullptr);
}

// One source: (1/2 + 1 + 1) / 3. A tuple's average over sources is 1, 5/6,
// 2/3 in class 0: variance 1/36; in class 1 there is one tuple.
TEST_F(CoherenceBySubset, AveragesOverSourcesOfOneSize) {
  const auto all = measure();
  const auto one = get(all, "conditional_coherence", "one");
  EXPECT_NEAR(one.value, 2.5 / 3, 1e-12);
  EXPECT_NEAR(one.spread, std::sqrt(1.0 / 36 / 3) / 2, 1e-12);
  EXPECT_NEAR(get(all, "conditional_coherence", "two").value, 1.0, 1e-12);
}

TEST_F(CoherenceBySubset, DoesNotDependOnBatches) {
  const auto metric = make();
  for (const auto& task : metric->tasks()) {
    const bool is_a = task.source == ModalitySubset::only(0);
    observe(*metric, task, is_a ? given_a_ : perfect_, {3});
    observe(*metric, task, is_a ? given_a_ : perfect_, {2, 0, 1});
  }
  expect_same(metric->finish(), measure());
}

TEST_F(CoherenceBySubset, SkipsTuplesThatLackPartOfTheSource) {
  const auto metric = make();
  const auto tasks = metric->tasks();
  Generated batch = rig_->batch_of(tasks[4], at::arange(4, at::kLong));
  batch.judgements = judged(given_a_);
  batch.truth.presence.index_put_({at::tensor({0, 3}), at::tensor({1, 0})},
                                  at::zeros({}, at::kBool));
  metric->observe(batch);
  const auto row = get(metric->finish(), "conditional_coherence", "a+b", "c");
  EXPECT_EQ(row.num_samples, 2);
  EXPECT_DOUBLE_EQ(row.value, 0.5);
}

TEST_F(CoherenceBySubset, GivesNoMeanOverSomeOfTheSources) {
  const auto metric = make();
  const auto tasks = metric->tasks();
  observe(*metric, tasks[1], given_a_);
  const auto all = metric->finish();
  EXPECT_NE(find(all, "conditional_coherence", "a"), nullptr);
  EXPECT_EQ(find(all, "conditional_coherence", "one"), nullptr);
}

}  // namespace coherence_by_subset_test
}  // namespace shalab
