#include <unistd.h>

#include <filesystem>

#include "../../sdk/nn/mobilenet_weights.h"
#include "rig.h"
#include "shalab/io/safetensors.h"
#include "shalab/nn/kernel_distance.h"

namespace shalab {
namespace mobilenet_extractor_test {

namespace fs = std::filesystem;

constexpr const char* kWeights = "mobilenet/mobilenet_v2_1.0_224.safetensors";

fs::path suite_folder() {
  return fs::path(testing::TempDir()) /
         ("mobilenet_extractor_test" + std::to_string(::getpid()));
}

// Grey images a and a vector b; weights made by a formula. No judges.
class MobilenetExtractor : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    fs::remove_all(suite_folder());
    fs::create_directories((suite_folder() / kWeights).parent_path());
    io::write_safetensors(suite_folder() / kWeights,
                          formula_mobilenet_weights(7));
  }
  static void TearDownTestSuite() { fs::remove_all(suite_folder()); }

  void SetUp() override {
    rig_ = std::make_unique<Rig>();
    rig_->add(ModalityKind::image, images(0.013));
    rig_->add(ModalityKind::vector, at::zeros({3, 2}));
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    rig_->dataset.identity = std::string("mobilenet ") + test->name();
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
    keys.push_back({"extractor", std::string("mobilenet_v2")});
    return rig_->make(name, keys);
  }

  std::vector<Measurement> measure(const std::string& name, const at::Tensor& x,
                                   const ChangedKeys& keys = {}) {
    const auto metric = make(name, keys);
    const auto tasks = metric->tasks();
    Generated batch =
        rig_->batch_of(tasks[0], at::arange(x.size(0), at::kLong));
    batch.samples = {x, at::zeros({x.size(0), 2})};
    metric->observe(batch);
    return metric->finish();
  }

  std::unique_ptr<Rig> rig_;
};

TEST_F(MobilenetExtractor, MeasuresImagesByTheNetworksFeatures) {
  const auto all = measure("kid", images(0.029));
  const auto network = read_mobilenet(suite_folder() / kWeights);
  const double expected = squared_mmd(network->features(images(0.013)),
                                      network->features(images(0.029)));
  const Measurement row = get(all, "kernel_distance", "", "a");
  EXPECT_NE(expected, 0.0);
  EXPECT_NEAR(row.value, expected, 1e-6);
  EXPECT_NE(
      row.fingerprint.find("mobilenet_v2=" + network->digest().substr(0, 12)),
      std::string::npos);
  EXPECT_EQ(find(all, "kernel_distance", "", "b"), nullptr);
  expect_audited(all);
}

// No number of another network goes by the name FID.
TEST_F(MobilenetExtractor, IsNamedInItsRowsAndNeverFid) {
  const auto all = measure("frechet_distance", images(0.013));
  const Measurement row = get(all, "frechet_distance", "", "a");
  EXPECT_NEAR(row.value, 0.0, 1e-6);
  EXPECT_EQ(row.protocol, "FD-mobilenet_v2");
  for (const auto& other : all) {
    EXPECT_EQ(other.name.find("fid"), std::string::npos) << other.name;
  }
}

TEST_F(MobilenetExtractor, KeepsFeaturesOfTheRealSide) {
  measure("kid", images(0.029));
  rig_->dataset.data[0] = images(0.1);
  const auto all = measure("precision_recall", images(0.013));
  EXPECT_NEAR(get(all, "prd_precision").value, 1.0, 1e-9);
}

TEST_F(MobilenetExtractor, TakesOtherWeightsByTheirKey) {
  fs::copy_file(suite_folder() / kWeights, suite_folder() / "birds.safetensors",
                fs::copy_options::overwrite_existing);
  const ChangedKeys keys{
      {"mobilenet_weights", std::string("birds.safetensors")}};
  EXPECT_NEAR(get(measure("kid", images(0.029), keys), "kernel_distance").value,
              get(measure("kid", images(0.029)), "kernel_distance").value,
              1e-12);
  expect_refused(
      *make("kid", {{"mobilenet_weights", std::string("none.safetensors")}}),
      ErrorKind::data, "none.safetensors");
}

TEST_F(MobilenetExtractor, RefusesAFolderWithoutWeights) {
  rig_->context.services.data_folders = {suite_folder() / "none"};
  expect_refused(*make("frechet_distance"), ErrorKind::data,
                 "convert_mobilenet");
}

TEST_F(MobilenetExtractor, RefusesDataWithoutImages) {
  rig_ = Rig::of_vectors({at::zeros({3, 2})});
  rig_->context.services.data_folders = {suite_folder()};
  expect_refused(*make("kid"), ErrorKind::data, "images");
}

}  // namespace mobilenet_extractor_test
}  // namespace shalab
