#include "rig.h"
#include "shalab/random.h"

namespace shalab {
namespace linear_probe_test {

constexpr std::int64_t kTuples = 200;
constexpr std::int64_t kClasses = 4;

// Tuples of two vectors a and b whose class is the index modulo 4.
class LinearProbe : public testing::Test {
 protected:
  void SetUp() override {
    rig_ = Rig::of_vectors({at::zeros({kTuples, 1}), at::zeros({kTuples, 1})});
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < kTuples; ++i) labels.push_back(i % kClasses);
    rig_->label(labels, kClasses);
  }

  // [N, 4]: the class of each tuple as a unit vector.
  at::Tensor telling() const {
    return at::one_hot(rig_->dataset.labels, kClasses).to(at::kFloat);
  }

  static at::Tensor noise(std::int64_t columns) {
    at::Generator generator = make_generator(0, "noise");
    return at::randn({kTuples, columns}, generator, at::kFloat);
  }

  // Latents [N, D] of all tuples, in batches of `batch`, the last first.
  void observe(Metric& metric, const GenerationTask& task,
               const at::Tensor& latents, std::int64_t batch = kTuples) {
    for (std::int64_t end = latents.size(0); end > 0; end -= batch) {
      const std::int64_t first = std::max<std::int64_t>(0, end - batch);
      Generated generated =
          rig_->batch_of(task, at::arange(first, end, at::kLong));
      generated.latents = latents.slice(0, first, end);
      metric.observe(generated);
    }
  }

  std::vector<Measurement> measure(const at::Tensor& latents,
                                   const ChangedKeys& keys = {},
                                   std::int64_t batch = kTuples) {
    const auto metric = rig_->make("linear_probe", keys);
    const auto tasks = metric->tasks();
    observe(*metric, tasks[1], latents, batch);
    return metric->finish();
  }

  std::unique_ptr<Rig> rig_;
};

TEST_F(LinearProbe, AsksForMeansAndForDrawsGivenEverySubset) {
  const auto tasks = rig_->make("linear_probe")->tasks();
  ASSERT_EQ(tasks.size(), 4U);
  EXPECT_EQ(tasks[0].route, GenerationTask::Route::reconstruction);
  EXPECT_EQ(tasks[1].source, ModalitySubset::only(0));
  EXPECT_EQ(tasks[2].source, ModalitySubset::only(1));
  EXPECT_EQ(tasks[3].source, ModalitySubset::all(2));
  EXPECT_EQ(tasks[3].num_samples, kTuples);
  const ChangedKeys pairs{{"source_sizes", std::vector<std::string>{"2"}}};
  EXPECT_EQ(rig_->make("linear_probe", pairs)->tasks().size(), 2U);
}

TEST_F(LinearProbe, ReadsTheClassWhereTheLatentTellsIt) {
  const auto all = measure(telling());
  const Measurement row = get(all, "linear_probe", "a");
  EXPECT_DOUBLE_EQ(row.value, 1.0);
  EXPECT_EQ(row.num_samples, kTuples / 2);
  EXPECT_EQ(row.protocol, "logistic fit=100 C=1 draw");
  EXPECT_EQ(row.direction, Direction::higher);
  EXPECT_EQ(find(all, "linear_probe", "one"), nullptr);
  expect_audited(all);
}

// 150 features tell the 100 fitted tuples apart; the 100 others are guessed. The
// bound is four standard deviations of a share of 1/4.
TEST_F(LinearProbe, IsNotMeasuredOnWhatItIsFittedTo) {
  const auto all = measure(noise(150), {{"fit_tuples", std::int64_t{100}},
                                        {"inverse_penalty", 1000.0}});
  EXPECT_LT(get(all, "linear_probe", "a").value, 0.25 + 4 * 0.0433);
}

TEST_F(LinearProbe, AveragesOverSubsetsOfOneSize) {
  const auto metric = rig_->make("linear_probe");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[0], telling());
  observe(*metric, tasks[1], telling());
  observe(*metric, tasks[2], noise(3));
  observe(*metric, tasks[3], telling());
  const auto all = metric->finish();
  EXPECT_EQ(all.size(), 5U);
  EXPECT_EQ(get(all, "linear_probe").protocol, "logistic fit=100 C=1 mean");
  EXPECT_DOUBLE_EQ(get(all, "linear_probe", "a+b").value, 1.0);
  const double b = get(all, "linear_probe", "b").value;
  EXPECT_LT(b, 0.6);
  EXPECT_DOUBLE_EQ(get(all, "linear_probe", "one").value, (1 + b) / 2);
}

TEST_F(LinearProbe, DoesNotDependOnBatchesOrOrder) {
  const at::Tensor latents = telling() + 0.7 * noise(kClasses);
  const auto whole = measure(latents);
  EXPECT_LT(get(whole, "linear_probe", "a").value, 1.0);
  expect_same(whole, measure(latents, {}, 33));
  expect_same(whole, measure(latents, {}, 1));
}

TEST_F(LinearProbe, IsFittedToOtherTuplesByItsSeed) {
  const at::Tensor latents = telling() + 0.7 * noise(kClasses);
  const auto first = measure(latents, {{"fit_tuples", std::int64_t{20}}});
  EXPECT_EQ(get(first, "linear_probe", "a").num_samples, kTuples - 20);
  const auto second = measure(
      latents, {{"fit_tuples", std::int64_t{20}}, {"seed", std::int64_t{5}}});
  EXPECT_NE(get(first, "linear_probe", "a").value,
            get(second, "linear_probe", "a").value);
}

TEST_F(LinearProbe, RefusesDataWithoutLabels) {
  rig_->dataset.classes = 0;
  expect_refused(*rig_->make("linear_probe"), ErrorKind::data, "labelled");
}

TEST_F(LinearProbe, RefusesNoneOrOneTuple) {
  EXPECT_THROW(rig_->make("linear_probe")->finish(), Error);
  rig_->context.max_samples = 1;
  EXPECT_THROW(measure(telling().slice(0, 0, 1)), Error);
}

TEST_F(LinearProbe, RefusesSizesThatAreNone) {
  for (const char* size : {"0", "3", "x", "1.5"}) {
    try {
      rig_->make("linear_probe",
                 {{"source_sizes", std::vector<std::string>{size}}});
      ADD_FAILURE() << size << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
    }
  }
}

}  // namespace linear_probe_test
}  // namespace shalab
