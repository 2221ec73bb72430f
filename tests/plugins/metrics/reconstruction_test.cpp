#include "rig.h"

namespace shalab {
namespace reconstruction_test {

class Reconstruction : public testing::Test {
 protected:
  // a: images 1x1x2, b: two tokens; labels 0, 1.
  void SetUp() override {
    rig_ = std::make_unique<Rig>();
    rig_->add(ModalityKind::image,
              at::tensor({0.0, 0.5, 1.0, 0.5}).view({2, 1, 1, 2}));
    rig_->add(ModalityKind::tokens, rows({3, 4, 5, 6}, 2));
    rig_->label({0, 1}, 2);
  }

  std::vector<Measurement> measure(const at::Tensor& images,
                                   const at::Tensor& tokens,
                                   const at::Tensor& labels = {},
                                   std::vector<std::int64_t> cuts = {0, 2}) {
    const auto metric = rig_->make("reconstruction");
    const auto tasks = metric->tasks();
    for (std::size_t i = cuts.size() - 1; i > 0; --i) {
      const at::Tensor indices = at::arange(cuts[i - 1], cuts[i], at::kLong);
      Generated batch = rig_->batch_of(tasks.front(), indices);
      batch.samples = {images.index_select(0, indices),
                       tokens.index_select(0, indices)};
      if (labels.defined()) {
        batch.judgements = judged(labels.index_select(0, indices));
      }
      metric->observe(batch);
    }
    return metric->finish();
  }

  const at::Tensor images_ =
      at::tensor({0.2, 0.5, 1.0, 0.9}).view({2, 1, 1, 2});
  const at::Tensor tokens_ = rows({3, 4, 5, 0}, 2);

  std::unique_ptr<Rig> rig_;
};

TEST_F(Reconstruction, AsksForEveryTupleOnce) {
  const auto tasks = rig_->make("reconstruction")->tasks();
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].route, GenerationTask::Route::reconstruction);
  EXPECT_EQ(tasks[0].num_samples, 2);
}

// Squared errors .04, 0, 0, .16: .02 and .08 per image, mean .05. Tokens: 1
// and .5 right.
TEST_F(Reconstruction, MeasuresErrorsWithoutJudges) {
  const auto all = measure(images_, tokens_);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_NEAR(get(all, "mse", "", "a").value, 0.05, 1e-7);
  EXPECT_NEAR(get(all, "mse", "", "a").spread, 0.03, 1e-7);
  EXPECT_EQ(get(all, "mse", "", "a").direction, Direction::lower);
  EXPECT_DOUBLE_EQ(get(all, "token_accuracy", "", "b").value, 0.75);
  expect_audited(all);
}

// Judged (0, 0) and (1, 0) of the classes 0, 1.
TEST_F(Reconstruction, CountsWhatJudgesFindRight) {
  rig_->judge_all();
  const auto all = measure(images_, tokens_, rows({0, 0, 1, 0}, 2));
  EXPECT_DOUBLE_EQ(get(all, "reconstruction_accuracy", "", "a").value, 1.0);
  EXPECT_DOUBLE_EQ(get(all, "reconstruction_accuracy", "", "b").value, 0.5);
  EXPECT_DOUBLE_EQ(get(all, "reconstruction_accuracy").value, 0.75);
  EXPECT_DOUBLE_EQ(get(all, "reconstruction_coherence").value, 0.5);
  expect_audited(all);
}

TEST_F(Reconstruction, LeavesModalitiesWithoutAJudgeOut) {
  rig_->judge_all();
  rig_->context.judges.judges[0] = nullptr;
  const auto all = measure(images_, tokens_, rows({0, 0, 1, 0}, 2));
  EXPECT_EQ(find(all, "reconstruction_accuracy", "", "a"), nullptr);
  EXPECT_DOUBLE_EQ(get(all, "reconstruction_accuracy").value, 0.5);
  EXPECT_EQ(find(all, "reconstruction_coherence"), nullptr);
}

TEST_F(Reconstruction, DoesNotDependOnBatches) {
  rig_->judge_all();
  const at::Tensor labels = rows({0, 0, 1, 0}, 2);
  expect_same(measure(images_, tokens_, labels),
              measure(images_, tokens_, labels, {0, 1, 2}));
}

TEST_F(Reconstruction, OfPerfectCopiesIsPerfect) {
  rig_->judge_all();
  const auto& data = rig_->dataset.data;
  const auto all = measure(data[0], data[1], rows({0, 0, 1, 1}, 2));
  EXPECT_DOUBLE_EQ(get(all, "mse", "", "a").value, 0.0);
  EXPECT_DOUBLE_EQ(get(all, "token_accuracy", "", "b").value, 1.0);
  EXPECT_DOUBLE_EQ(get(all, "reconstruction_accuracy").value, 1.0);
  EXPECT_DOUBLE_EQ(get(all, "reconstruction_coherence").value, 1.0);
}

TEST_F(Reconstruction, RefusesToFinishOnNothing) {
  EXPECT_THROW(rig_->make("reconstruction")->finish(), Error);
}

}  // namespace reconstruction_test
}  // namespace shalab
