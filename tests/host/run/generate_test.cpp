#include "run/generate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/signals.h"
#include "replaying_graph.h"
#include "run/recorded_work.h"
#include "shalab/resident_dataset.h"
#include "tiny_model.h"

namespace shalab {
namespace generate_test {

using Route = GenerationTask::Route;

constexpr std::int64_t kTuples = 6;

// Tuples (i / 10, 1); b is absent from the second on where asked.
class Pairs final : public Dataset {
 public:
  explicit Pairs(bool lacks_b) : lacks_b_(lacks_b), specs_(two_numbers()) {}
  const std::vector<ModalitySpec>& modalities() const override {
    return specs_;
  }
  std::int64_t size(Split) const override { return kTuples; }
  void to(c10::Device) override {}
  std::string fingerprint() const override { return "pairs"; }

 protected:
  Batch do_gather(Split, const at::Tensor& indices) const override {
    Batch batch;
    const at::Tensor a = indices.to(at::kFloat).div(10).unsqueeze(1);
    batch.data = {a, at::ones_like(a)};
    batch.presence = at::ones({indices.size(0), 2}, at::kBool);
    if (lacks_b_) batch.presence.select(1, 1).copy_(indices == 0);
    batch.ids = indices;
    return batch;
  }

 private:
  bool lacks_b_;
  std::vector<ModalitySpec> specs_;
};

class Generate : public ::testing::Test {
 protected:
  Generate() { context_.services = quiet_services(); }

  std::vector<Generated> run(MultimodalModel& model, const Dataset& dataset,
                             const GenerationTask& task,
                             std::int64_t batch_size = 100) {
    const GenerationView view{model, dataset, context_, judges_, batch_size};
    const LatentSource source =
        task.route == Route::joint
            ? LatentSource{"training_prior", model.shared_prior()}
            : LatentSource{"posterior", nullptr};
    std::vector<Generated> batches;
    run_task(view, source, task, Split::test, "test",
             [&](const Generated& batch) { batches.push_back(batch); });
    return batches;
  }

  RunContext context_;
  JudgeBank judges_;
};

GenerationTask importance(std::int64_t num_samples) {
  GenerationTask task;
  task.route = Route::importance;
  task.num_samples = kTuples;
  task.num_importance_samples = num_samples;
  return task;
}

// Of x_a = z + w_a + e_a, x_b = z + w_b + e_b, all standard normal:
// covariance [[3, 1], [1, 3]], determinant 8.
double log_density(double a, double b) {
  return -0.5 * (3 * a * a - 2 * a * b + 3 * b * b) / 8 - 0.5 * std::log(8.0) -
         std::log(2 * M_PI);
}

// q(z) = p(z) and q(w) around 0.2: the estimate's error is below
// 5 deviation(w / mean w) / sqrt(K).
TEST_F(Generate, ImportanceWeightsHoldThePrivateTerms) {
  const auto model = tiny_model(1, 0.2);
  const std::int64_t k = 40000;
  const auto batches = run(*model, Pairs(false), importance(k), kTuples * k);
  ASSERT_EQ(batches.size(), 1U);
  const at::Tensor log_weights = batches[0].log_weights.to(at::kDouble);
  const at::Tensor estimate = log_weights.logsumexp(0) - std::log(k);
  const at::Tensor ratio = (log_weights - estimate).exp();
  const double bound = 5 * ratio.std(0).max().item<double>() / std::sqrt(k);
  for (std::int64_t i = 0; i < kTuples; ++i) {
    EXPECT_NEAR(estimate[i].item<double>(), log_density(i / 10.0, 1), bound);
  }
  EXPECT_LT(bound, 0.1);
}

// Without x_b, x_a ~ N(0, 3).
TEST_F(Generate, ImportanceWeightsLeaveOutWhatIsAbsent) {
  const auto model = tiny_model(1, 0.2);
  const std::int64_t k = 40000;
  const auto batches = run(*model, Pairs(true), importance(k), kTuples * k);
  const at::Tensor log_weights = batches[0].log_weights.to(at::kDouble);
  const at::Tensor estimate = log_weights.logsumexp(0) - std::log(k);
  const double a = 0.5;
  EXPECT_NEAR(estimate[5].item<double>(),
              -a * a / 6 - 0.5 * std::log(3 * 2 * M_PI), 0.05);
}

// Eight batches of two, and one.
TEST_F(Generate, RecordedDrawsAreTheSameBits) {
  const auto model = tiny_model(1, 0.2);
  GenerationTask task;
  task.route = Route::joint;
  task.num_samples = 17;
  const auto plain = run(*model, Pairs(false), task, 2);
  ReplayingGraph::Counts counts;
  context_.make_graph = [&counts](const at::Generator&) {
    return std::make_unique<ReplayingGraph>(counts);
  };
  const auto recorded = run(*model, Pairs(false), task, 2);
  ASSERT_EQ(recorded.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_TRUE(recorded[i].latents.equal(plain[i].latents)) << i;
  }
  EXPECT_EQ(counts.records, 1);
  EXPECT_EQ(counts.replays, 8 - RecordedWork::kWarmUp);
}

// Not cancelled when first asked, then cancelled.
class SecondTime final : public CancelToken {
 public:
  bool cancelled() const override { return asked_++ > 0; }

 private:
  mutable int asked_ = 0;
};

TEST_F(Generate, LeavesBetweenTwoBatchesWhereAStopIsAskedFor) {
  const auto model = tiny_model(1, 0.2);
  const Pairs dataset(false);
  GenerationTask task;
  task.route = Route::joint;
  task.num_samples = kTuples;
  const SecondTime cancel;
  context_.services.cancel = &cancel;
  const GenerationView view{*model, dataset, context_, judges_, kTuples / 2};
  int batches = 0;
  EXPECT_THROW(
      run_task(view, {"training_prior", model->shared_prior()}, task,
               Split::test, "test", [&](const Generated&) { ++batches; }),
      Stopped);
  EXPECT_EQ(batches, 1);
}

TEST_F(Generate, ReconstructionsTakeTheMeansOfPrivatePosteriors) {
  const auto model = tiny_model(1, 7);
  GenerationTask task;
  task.route = Route::reconstruction;
  task.num_samples = kTuples;
  const auto batches = run(*model, Pairs(false), task);
  for (const at::Tensor& samples : batches[0].samples) {
    EXPECT_TRUE(at::allclose(samples, at::full({kTuples, 1}, 7.0f)));
  }
}

TEST_F(Generate, ConditionsInferThePrivateLatentOfTheSourceOnly) {
  const auto model = tiny_model(1, 70);
  GenerationTask task;
  task.route = Route::conditional;
  task.source = ModalitySubset::only(1);
  task.num_samples = kTuples;
  const auto batches = run(*model, Pairs(false), task);
  EXPECT_LT(batches[0].samples[0].abs().max().item<double>(), 20);
  EXPECT_GT(batches[0].samples[1].min().item<double>(), 50);
}

TEST_F(Generate, JointDrawsTakePrivateLatentsFromThePrior) {
  const auto model = tiny_model(1, 70);
  GenerationTask task;
  task.num_samples = 3;
  const auto batches = run(*model, Pairs(false), task);
  EXPECT_LT(batches[0].samples[0].abs().max().item<double>(), 20);
  EXPECT_LT(batches[0].samples[1].abs().max().item<double>(), 20);
}

TEST_F(Generate, ConditionsLeaveOutTuplesWithoutTheirSource) {
  const auto model = tiny_model(0);
  GenerationTask task;
  task.route = Route::conditional;
  task.source = ModalitySubset::only(1);
  task.num_samples = kTuples;
  const auto batches = run(*model, Pairs(true), task, 2);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_TRUE(at::equal(batches[0].truth.ids, at::tensor({0}, at::kLong)));
}

}  // namespace generate_test
}  // namespace shalab
