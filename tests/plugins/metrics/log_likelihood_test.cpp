#include <cmath>
#include <limits>

#include "rig.h"

namespace shalab {
namespace log_likelihood_test {

class LogLikelihood : public testing::Test {
 protected:
  void SetUp() override { rig_ = Rig::of_vectors({at::zeros({3, 1})}); }

  std::vector<Measurement> measure(const at::Tensor& log_weights,
                                   std::vector<std::int64_t> cuts = {0, 3}) {
    const auto metric = rig_->make(
        "log_likelihood", {{"importance_samples", log_weights.size(0)}});
    const auto tasks = metric->tasks();
    for (std::size_t i = cuts.size() - 1; i > 0; --i) {
      Generated batch = rig_->batch_of(
          tasks.front(), at::arange(cuts[i - 1], cuts[i], at::kLong));
      batch.log_weights = log_weights.slice(1, cuts[i - 1], cuts[i]);
      metric->observe(batch);
    }
    return metric->finish();
  }

  // Weights 1, 3 | 2, 2 | 0, 8 (K = 2): mean weights 2, 2, 4.
  const at::Tensor log_weights_ =
      at::tensor({1.0, 2.0, 0.0, 3.0, 2.0, 8.0}, at::kDouble)
          .view({2, 3})
          .log();

  std::unique_ptr<Rig> rig_;
};

TEST_F(LogLikelihood, AsksForImportanceSamplesOfEveryTuple) {
  const auto tasks =
      rig_->make("log_likelihood", {{"importance_samples", std::int64_t{7}}})
          ->tasks();
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].route, GenerationTask::Route::importance);
  EXPECT_EQ(tasks[0].num_samples, 3);
  EXPECT_EQ(tasks[0].num_importance_samples, 7);
}

// log 2, log 2, log 4: mean 4/3 log 2, variance log(2)^2 / 3.
TEST_F(LogLikelihood, IsTheMeanLogOfTheMeanWeight) {
  const auto all = measure(log_weights_);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_NEAR(all[0].value, 4.0 / 3 * std::log(2.0), 1e-12);
  EXPECT_NEAR(all[0].spread, std::log(2.0) / 3, 1e-12);
  EXPECT_EQ(all[0].num_samples, 3);
  EXPECT_EQ(all[0].unit, "nats");
  EXPECT_EQ(all[0].direction, Direction::higher);
  EXPECT_EQ(all[0].protocol, "importance K=2");
  expect_audited(all);
}

TEST_F(LogLikelihood, SurvivesWeightsThatOverflow) {
  const auto all = measure(log_weights_ - 5000.0);
  EXPECT_NEAR(all[0].value, 4.0 / 3 * std::log(2.0) - 5000.0, 1e-9);
}

TEST_F(LogLikelihood, StandsBesideTheTruthWhereItIsKnown) {
  rig_->dataset.exact = at::tensor({1.0, 1.0, 2.0}, at::kDouble);
  const auto all = measure(log_weights_);
  const double estimate = 4.0 / 3 * std::log(2.0);
  EXPECT_NEAR(get(all, "exact_log_likelihood").value, 4.0 / 3, 1e-12);
  EXPECT_NEAR(get(all, "log_likelihood_gap").value, 4.0 / 3 - estimate, 1e-12);
  EXPECT_EQ(get(all, "log_likelihood_gap").direction, Direction::lower);
}

TEST_F(LogLikelihood, OfAPerfectPosteriorHasNoGap) {
  rig_->dataset.exact = at::tensor({-3.0, -4.0, -5.0}, at::kDouble);
  const auto all = measure(rig_->dataset.exact.expand({4, 3}));
  EXPECT_NEAR(get(all, "log_likelihood_gap").value, 0.0, 1e-12);
}

TEST_F(LogLikelihood, DoesNotDependOnBatches) {
  rig_->dataset.exact = at::tensor({1.0, 1.0, 2.0}, at::kDouble);
  expect_same(measure(log_weights_), measure(log_weights_, {0, 1, 3}));
}

TEST_F(LogLikelihood, RefusesAnInfiniteMean) {
  at::Tensor weights = log_weights_.clone();
  weights.select(1, 0).fill_(-std::numeric_limits<double>::infinity());
  EXPECT_THROW(measure(weights), Error);
}

TEST_F(LogLikelihood, RefusesZeroImportanceSamples) {
  EXPECT_THROW(
      rig_->make("log_likelihood", {{"importance_samples", std::int64_t{0}}}),
      Error);
}

TEST_F(LogLikelihood, RefusesToFinishOnNothing) {
  EXPECT_THROW(rig_->make("log_likelihood")->finish(), Error);
}

}  // namespace log_likelihood_test
}  // namespace shalab
