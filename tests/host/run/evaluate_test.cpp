#include "run/evaluate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "shalab/resident_dataset.h"
#include "tiny_model.h"

namespace shalab {
namespace evaluate_test {

namespace fs = std::filesystem;
using Route = GenerationTask::Route;

constexpr std::int64_t kTuples = 5;

class Pairs final : public Dataset {
 public:
  const std::vector<ModalitySpec>& modalities() const override {
    return specs_;
  }
  std::int64_t size(Split) const override { return kTuples; }
  void to(c10::Device) override {}
  std::string fingerprint() const override { return "pairs"; }

 protected:
  Batch do_gather(Split, const at::Tensor& indices) const override {
    Batch batch;
    const at::Tensor a = indices.to(at::kFloat).unsqueeze(1);
    batch.data = {a, a};
    batch.presence = at::ones({indices.size(0), 2}, at::kBool);
    batch.labels = indices;
    batch.ids = indices;
    return batch;
  }

 private:
  std::vector<ModalitySpec> specs_ = two_numbers();
};

class AnyJudge final : public Judge {
 public:
  Judgement judge(const at::Tensor& x) const override {
    return {at::zeros({x.size(0)}, at::kLong), x};
  }
  std::string digest() const override { return "any"; }
};

// What the instances of one metric saw.
struct Seen {
  std::vector<Generated> aggregate;
  std::vector<fs::path> folders;
};

// Counts what it observed of the aggregate posterior, and leaves it in a file.
class Counter final : public Metric {
 public:
  Counter(MetricContext context, Seen& seen)
      : context_(std::move(context)), seen_(seen) {
    seen_.folders.push_back(context_.folder);
  }
  std::vector<GenerationTask> tasks() override {
    std::vector<GenerationTask> result(2);
    result[0].num_samples = 3;
    result[1].route = Route::aggregate;
    result[1].num_samples = kTuples;
    return result;
  }
  void observe(const Generated& generated) override {
    if (generated.task->route != Route::aggregate) return;
    seen_.aggregate.push_back(generated);
    count_ += generated.latents.size(0);
  }
  std::vector<Measurement> finish() override {
    if (!context_.folder.empty()) {
      fs::create_directories(context_.folder);
      std::ofstream(context_.folder / "count.txt") << count_;
    }
    Measurement row;
    row.name = "count";
    row.value = static_cast<double>(count_);
    return {row};
  }

 private:
  MetricContext context_;
  Seen& seen_;
  std::int64_t count_ = 0;
};

class Artifacts final : public Sink {
 public:
  void curves(const std::vector<TermPoint>&) override {}
  void measurements(const std::vector<Measurement>&) override {}
  void artifact(const std::string& kind, const fs::path& file) override {
    all.emplace_back(kind, file);
  }
  void flush() override {}

  std::vector<std::pair<std::string, fs::path>> all;
};

class Evaluate : public ::testing::Test {
 protected:
  Evaluate() {
    context_.services = quiet_services();
    context_.sink = &artifacts_;
    judges_.judges = {std::make_shared<AnyJudge>(),
                      std::make_shared<AnyJudge>()};
    judges_.accuracies = {-1.0, -1.0};
  }
  ~Evaluate() override { fs::remove_all(folder_); }

  // Of the training prior and the posterior, in batches of 2.
  std::vector<Measurement> measure(const EvaluationOptions& options) {
    const auto model = tiny_model(0);
    const Pairs dataset;
    const GenerationView view{*model, dataset, context_, judges_, 2};
    const MetricMaker maker{"counter", "", [&](const MetricContext& context) {
                              return std::make_unique<Counter>(context, seen_);
                            }};
    return evaluate(
        view,
        {{"training_prior", model->shared_prior()}, {"posterior", nullptr}},
        {maker}, options);
  }

  Seen seen_;
  Artifacts artifacts_;
  RunContext context_;
  JudgeBank judges_;
  fs::path folder_ =
      fs::path(testing::TempDir()) / ("evaluate" + std::to_string(::getpid()));
};

TEST_F(Evaluate, LendsTheSameAggregatePosteriorBesideEverySource) {
  measure({});
  ASSERT_EQ(seen_.aggregate.size(), 6U);
  std::vector<at::Tensor> latents, ids;
  for (const Generated& batch : seen_.aggregate) {
    EXPECT_TRUE(batch.samples.empty());
    EXPECT_TRUE(batch.judgements.empty());
    EXPECT_TRUE(at::equal(batch.truth.labels, batch.truth.ids));
    latents.push_back(batch.latents);
    ids.push_back(batch.truth.ids);
  }
  const at::Tensor all = at::cat(latents);
  EXPECT_EQ(all.sizes(), at::IntArrayRef({2 * kTuples, 1}));
  EXPECT_TRUE(at::equal(all.slice(0, 0, kTuples), all.slice(0, kTuples)));
  EXPECT_GT(all.std().item<double>(), 0);
  EXPECT_TRUE(at::equal(at::cat(ids), at::arange(kTuples).repeat(2)));
}

TEST_F(Evaluate, NamesHowTheAggregatePosteriorCameAbout) {
  const auto rows = measure({});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].latent_source, "training_prior");
  EXPECT_EQ(rows[0].nfe, 1);
  EXPECT_EQ(rows[1].latent_source, "posterior");
  EXPECT_EQ(rows[1].generation, "draw");
  EXPECT_EQ(rows[1].value, kTuples);
}

TEST_F(Evaluate, RecordsTheFilesThatMetricsLeave) {
  EvaluationOptions options;
  options.folder = folder_;
  measure(options);
  const fs::path file = "count.txt";
  const std::vector<std::pair<std::string, fs::path>> expected{
      {"metric", folder_ / "counter" / "training_prior" / file},
      {"metric", folder_ / "counter" / "posterior" / file}};
  EXPECT_EQ(artifacts_.all, expected);
}

TEST_F(Evaluate, KeepsNothingWithoutAFolder) {
  measure({});
  EXPECT_EQ(seen_.folders, std::vector<fs::path>(2));
  EXPECT_TRUE(artifacts_.all.empty());
}

}  // namespace evaluate_test
}  // namespace shalab
