#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "../../sdk/nn/inception_weights.h"
#include "rig.h"
#include "shalab/io/safetensors.h"
#include "shalab/nn/kernel_distance.h"

namespace shalab {
namespace inception_extractor_test {

namespace fs = std::filesystem;

constexpr const char* kWeights =
    "inception/pt_inception-2015-12-05.safetensors";

fs::path suite_folder() {
  return fs::path(testing::TempDir()) /
         ("inception_extractor_test" + std::to_string(::getpid()));
}

// Grey images a and a vector b; weights made by a formula. No judges.
class InceptionExtractor : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    fs::remove_all(suite_folder());
    fs::create_directories((suite_folder() / kWeights).parent_path());
    io::write_safetensors(suite_folder() / kWeights,
                          formula_inception_weights());
  }
  static void TearDownTestSuite() { fs::remove_all(suite_folder()); }

  void SetUp() override {
    rig_ = std::make_unique<Rig>();
    rig_->add(ModalityKind::image, images(0.013));
    rig_->add(ModalityKind::vector, at::zeros({3, 2}));
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    rig_->dataset.identity = test->name();
    rig_->context.services.data_folders = {suite_folder()};
    rig_->context.services.cache_folder = suite_folder() / test->name();
  }

  // [3, 1, 28, 28]
  static at::Tensor images(double a) {
    return at::cat({formula_image(1, 28, 28, a, 0.071),
                    formula_image(1, 28, 28, a, 0.05),
                    formula_image(1, 28, 28, a, 0.03)});
  }

  std::unique_ptr<Metric> make(const std::string& name,
                               ChangedKeys keys = {}) const {
    keys.push_back({"extractor", std::string("inception")});
    return rig_->make(name, keys);
  }

  void observe(Metric& metric, const GenerationTask& task,
               const at::Tensor& x) {
    Generated batch = rig_->batch_of(task, at::arange(x.size(0), at::kLong));
    batch.samples = {x, at::zeros({x.size(0), 2})};
    metric.observe(batch);
  }

  std::vector<Measurement> measure(const std::string& name, const at::Tensor& x,
                                   const ChangedKeys& keys = {}) {
    const auto metric = make(name, keys);
    const auto tasks = metric->tasks();
    observe(*metric, tasks[0], x);
    return metric->finish();
  }

  std::vector<fs::path> kept_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(
             rig_->context.services.cache_folder / "features")) {
      files.push_back(entry.path());
    }
    return files;
  }

  std::unique_ptr<Rig> rig_;
};

TEST_F(InceptionExtractor, MeasuresImagesByTheNetworksFeatures) {
  const auto all = measure("kid", images(0.029));
  const auto network = read_inception(suite_folder() / kWeights);
  const double expected = squared_mmd(
      network->features(images(0.013), InceptionResize::pytorch_fid),
      network->features(images(0.029), InceptionResize::pytorch_fid));
  const Measurement row = get(all, "joint_kid", "", "a");
  EXPECT_NEAR(row.value, expected, 1e-6);
  EXPECT_NE(expected, 0.0);
  EXPECT_NE(row.protocol.find("inception resize=pytorch_fid"),
            std::string::npos);
  EXPECT_NE(
      row.fingerprint.find("inception=" + network->digest().substr(0, 12)),
      std::string::npos);
  EXPECT_EQ(find(all, "joint_kid", "", "b"), nullptr);
  expect_audited(all);
}

TEST_F(InceptionExtractor, NamesTheResizeConvention) {
  const auto first = measure("kid", images(0.029));
  const auto second =
      measure("kid", images(0.029),
              {{"inception_resize", std::string("torch_fidelity")}});
  EXPECT_GT(
      std::abs(get(first, "joint_kid").value - get(second, "joint_kid").value),
      1e-4);
  EXPECT_NE(get(second, "joint_kid").protocol.find("resize=torch_fidelity"),
            std::string::npos);
}

TEST_F(InceptionExtractor, MakesFrechetDistanceFid) {
  const auto all = measure("frechet_distance", images(0.013));
  const Measurement row = get(all, "joint_fid", "", "a");
  EXPECT_NEAR(row.value, 0.0, 1e-6);
  EXPECT_EQ(row.protocol, "FD-inception resize=pytorch_fid");
  EXPECT_NE(row.fingerprint.find("real=3"), std::string::npos);
}

TEST_F(InceptionExtractor, MeasuresDrawsGivenAnotherModality) {
  const auto metric = make("kid");
  const auto tasks = metric->tasks();
  ASSERT_EQ(tasks.size(), 3U);
  observe(*metric, tasks[2], images(0.029));
  EXPECT_EQ(metric->finish().front().name, "conditional_kid");
}

TEST_F(InceptionExtractor, DoesNotDependOnBatches) {
  const auto whole = measure("kid", images(0.029));
  const auto metric = make("kid");
  const auto tasks = metric->tasks();
  observe(*metric, tasks[0], images(0.029).slice(0, 2));
  observe(*metric, tasks[0], images(0.029).slice(0, 0, 2));
  EXPECT_NEAR(get(metric->finish(), "joint_kid").value,
              get(whole, "joint_kid").value, 1e-4);
}

// The second metric finds the real side in the cache folder: images that have
// since changed under one identity are not looked at.
TEST_F(InceptionExtractor, KeepsFeaturesOfTheRealSide) {
  measure("kid", images(0.029));
  ASSERT_EQ(kept_files().size(), 1U);
  rig_->dataset.data[0] = images(0.1);
  const auto all = measure("precision_recall", images(0.013));
  EXPECT_NEAR(get(all, "prd_precision").value, 1.0, 1e-9);
  EXPECT_NEAR(get(all, "prd_recall").value, 1.0, 1e-9);
}

TEST_F(InceptionExtractor, RefusesAKeptFileThatIsBroken) {
  measure("kid", images(0.029));
  const fs::path file = kept_files().front();
  std::ofstream(file) << "no array";
  try {
    measure("precision_recall", images(0.029));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find(file.filename().string()),
              std::string::npos);
  }
}

TEST_F(InceptionExtractor, RefusesAFolderWithoutWeights) {
  rig_->context.services.data_folders = {suite_folder() / "none"};
  for (const char* name : {"frechet_distance", "kid", "precision_recall"}) {
    expect_refused(*make(name), ErrorKind::data, "convert_inception");
  }
}

TEST_F(InceptionExtractor, RefusesDataWithoutImages) {
  rig_ = Rig::of_vectors({at::zeros({3, 2})});
  rig_->context.services.data_folders = {suite_folder()};
  expect_refused(*make("kid"), ErrorKind::data, "images");
}

TEST_F(InceptionExtractor, RefusesNoneOrOneImage) {
  EXPECT_THROW(measure("kid", images(0.029).slice(0, 0, 1)), Error);
  EXPECT_THROW(measure("precision_recall", images(0.029).slice(0, 0, 1)),
               Error);
  EXPECT_THROW(measure("frechet_distance", images(0.029).slice(0, 0, 1)),
               Error);
}

}  // namespace inception_extractor_test
}  // namespace shalab
