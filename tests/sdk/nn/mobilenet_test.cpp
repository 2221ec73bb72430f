#include "shalab/nn/mobilenet.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "mobilenet_weights.h"
#include "shalab/error.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"
#include "shalab/services.h"

namespace shalab {
namespace mobilenet_test {

namespace fs = std::filesystem;
using Weights = std::map<std::string, at::Tensor>;

constexpr const char* kImageNet = "mobilenet_v2_1.0_224_quant";
constexpr const char* kBirds = "mobilenet_v2_1.0_224_inat_bird_quant";

at::Tensor small_image() { return formula_image(3, 28, 28, 0.013, 0.071); }
at::Tensor large_image() { return formula_image(3, 320, 310, 0.029, 0.053); }

double largest_difference(const at::Tensor& x, const at::Tensor& y) {
  return (x - y).abs().max().item<double>();
}

MobilenetV2& formula_network() {
  static MobilenetV2 instance(formula_mobilenet_weights(10), "formula");
  return instance;
}

Services services_of_real_data() {
  Services services = quiet_services();
  services.data_folders.emplace_back(SHALAB_SOURCE_DIR "/../shared/data");
  return services;
}

// The networks of the shared data, converted by the tool.
class RealMobilenet : public testing::Test {
 protected:
  void SetUp() override {
    try {
      photographs_ =
          services_of_real_data().find_data("cub10/images", "photographs");
      services_of_real_data().find_data(tflite(kImageNet), "MobileNetV2");
      services_of_real_data().find_data(tflite(kBirds), "MobileNetV2");
    } catch (const Error& error) {
      GTEST_SKIP() << error.message();
    }
    if (std::system("python3 --version >/dev/null 2>&1") != 0) {
      GTEST_SKIP() << "python3 is not installed";
    }
  }

  static std::string tflite(const std::string& name) {
    return "mobilenet/" + name + ".tflite";
  }

  static std::unique_ptr<MobilenetV2> converted(const std::string& name) {
    const fs::path source =
        services_of_real_data().find_data(tflite(name), "MobileNetV2");
    const fs::path target =
        fs::path(testing::TempDir()) /
        (name + std::to_string(::getpid()) + ".safetensors");
    const std::string command =
        "python3 '" SHALAB_SOURCE_DIR "/tools/convert_mobilenet.py' '" +
        source.string() + "' '" + target.string() + "' >/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    auto network = read_mobilenet(target);
    fs::remove(target);
    return network;
  }

  // The likeliest class of the first `count` photographs of a folder.
  std::vector<std::int64_t> labels(MobilenetV2& network,
                                   const std::string& folder,
                                   std::size_t count) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(photographs_ / folder)) {
      files.push_back(entry.path());
    }
    std::ranges::sort(files);
    files.resize(std::min(count, files.size()));
    std::vector<std::int64_t> result;
    for (const fs::path& file : files) {
      const at::Tensor features = network.features(photograph(file));
      result.push_back(network.logits(features).argmax(1).item<std::int64_t>());
    }
    return result;
  }

  static at::Tensor photograph(const fs::path& file) {
    const io::Image image = io::read_image(file, 3);
    return at::tensor(image.pixels, at::kByte)
               .view({1, image.height, image.width, 3})
               .permute({0, 3, 1, 2})
               .to(at::kFloat) /
           255;
  }

  fs::path photographs_;
};

// tools/oracles/mobilenet.py: the layers of the .tflite file in PyTorch.
// Features are between 0 and 6, logits to 9.
TEST_F(RealMobilenet, GivesTheFeaturesOfItsFile) {
  const auto network = converted(kImageNet);
  const auto arrays =
      io::read_npz(SHALAB_SOURCE_DIR "/tests/fixtures/mobilenet/features.npz");
  for (const auto& [name, image] :
       {std::pair("small", small_image()), std::pair("large", large_image())}) {
    const auto golden = [&](const char* what) {
      return io::to_tensor(arrays.at(std::string(name) + what));
    };
    const at::Tensor found = network->features(image);
    ASSERT_EQ(found.sizes(), at::IntArrayRef({1, kMobilenetFeatures}));
    EXPECT_LE(largest_difference(found[0], golden("_features")), 1e-4) << name;
    EXPECT_LE(largest_difference(network->logits(found)[0], golden("_logits")),
              1e-3)
        << name;
  }
}

// TensorFlow Lite, which rounds every layer to 8 bits, calls 19 of these 20
// photographs class 147 (albatross) and the one in flight 19 (magpie).
TEST_F(RealMobilenet, CallsAnAlbatrossAnAlbatross) {
  const auto network = converted(kImageNet);
  EXPECT_GE(
      std::ranges::count(labels(*network, "002.Laysan_Albatross", 20), 147),
      18);
}

// Of 20 photographs each TensorFlow Lite calls 20 class 694 (red-winged
// blackbird) and 15 class 232 (Brewer's blackbird).
TEST_F(RealMobilenet, TellsBlackbirdsApart) {
  const auto network = converted(kBirds);
  EXPECT_GE(
      std::ranges::count(labels(*network, "010.Red_winged_Blackbird", 20), 694),
      19);
  const auto brewers = labels(*network, "009.Brewer_Blackbird", 20);
  EXPECT_GE(std::ranges::count(brewers, 232), 13);
  EXPECT_EQ(std::ranges::count(brewers, 694), 0);
}

TEST(Mobilenet, DoesNotDependOnTheBatch) {
  const at::Tensor images =
      at::cat({small_image(), small_image().flip(3), small_image().flip(2)});
  const at::Tensor together = formula_network().features(images);
  for (const std::int64_t i : {2, 0, 1}) {
    const at::Tensor alone =
        formula_network().features(images.slice(0, i, i + 1));
    EXPECT_LE(largest_difference(together[i], alone[0]), 2e-5) << i;
  }
  EXPECT_GE(largest_difference(together[0], together[1]), 1e-2);
}

TEST(Mobilenet, TakesGreyImagesAsThreeEqualChannels) {
  const at::Tensor grey = small_image().slice(1, 0, 1);
  EXPECT_TRUE(formula_network().features(grey).equal(
      formula_network().features(at::cat({grey, grey, grey}, 1))));
}

TEST(Mobilenet, CutsOutputsToTheirRange) {
  Weights weights = formula_mobilenet_weights(10);
  weights["last.range"] = at::tensor({0.5F, 0.75F});
  MobilenetV2 network(weights, "formula");
  const at::Tensor features = network.features(small_image());
  EXPECT_GE(features.min().item<double>(), 0.5);
  EXPECT_LE(features.max().item<double>(), 0.75);
}

// Two columns, 0 and 1, become 224 with half-pixel centres: output i lies at
// 2 (i + 0.5) / 224 - 0.5 of the input.
TEST(MobilenetInput, PlacesPixelsByTheirCentres) {
  const at::Tensor image =
      at::tensor({0.0F, 1.0F}).view({1, 1, 1, 2}).expand({1, 1, 2, 2});
  const at::Tensor row = mobilenet_input(image)[0][2][0];
  ASSERT_EQ(row.size(0), kMobilenetSide);
  EXPECT_NEAR(row[0].item<double>(), -1.0, 1e-6);
  EXPECT_NEAR(row[100].item<double>(), (255 * (201.0 / 224 - 0.5) - 128) / 128,
              1e-5);
  EXPECT_NEAR(row[223].item<double>(), 127.0 / 128, 1e-6);
}

// Columns 0, 1, 0, 1, ... at twice the size average to grey, 127.5.
TEST(MobilenetInput, OfALargerImageHasNoAliases) {
  const at::Tensor image = at::arange(448)
                               .remainder(2)
                               .to(at::kFloat)
                               .view({1, 1, 1, 448})
                               .expand({1, 1, 448, 448});
  const at::Tensor row = mobilenet_input(image)[0][0][100];
  EXPECT_LE(row.slice(0, 1, 223).abs().max().item<double>(), 0.5 / 128 + 1e-5);
}

TEST(MobilenetInput, RefusesWhatIsNoImage) {
  EXPECT_THROW(mobilenet_input(at::zeros({2, 2, 8, 8})), Error);
  EXPECT_THROW(mobilenet_input(at::zeros({3, 8, 8})), Error);
}

// torchvision's mobilenet_v2 has 3,504,872 parameters for 1,000 classes. Here
// the scale of each normalisation is in the weights: 17,056 fewer.
TEST(MobilenetWeights, AreThoseOf53Layers) {
  const auto shapes = mobilenet_weight_shapes(1000);
  std::int64_t parameters = 0, layers = 0;
  for (const auto& [name, shape] : shapes) {
    if (name.ends_with(".range")) continue;
    parameters += c10::multiply_integers(shape);
    layers += name.ends_with(".weight");
  }
  EXPECT_EQ(parameters, 3504872 - 17056);
  EXPECT_EQ(layers, 53);
  EXPECT_EQ(shapes.at("block_1.depthwise.weight"),
            (std::vector<std::int64_t>{96, 1, 3, 3}));
  EXPECT_TRUE(shapes.contains("block_2.sum.range"));
  EXPECT_FALSE(shapes.contains("block_1.sum.range"));
}

void expect_refused(const Weights& weights, const std::string& part) {
  try {
    const MobilenetV2 refused(weights, "some file");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    const std::string what = error.what();
    EXPECT_NE(what.find("some file"), std::string::npos) << what;
    EXPECT_NE(what.find(part), std::string::npos) << what;
    EXPECT_NE(what.find("convert_mobilenet"), std::string::npos) << what;
  }
}

TEST(MobilenetWeights, AreRefusedWhereTheyAreOthers) {
  const Weights good = formula_mobilenet_weights(10);
  const std::string name = "block_16.project.bias";
  Weights weights = good;
  weights.erase(name);
  expect_refused(weights, "no tensor '" + name + "'");
  weights = good;
  weights[name] = at::ones({319});
  expect_refused(weights, "is [319], expected [320]");
  weights = good;
  weights[name] = at::full({320}, std::numeric_limits<float>::infinity());
  expect_refused(weights, name);
  weights = good;
  weights["block_17.expand.weight"] = at::ones({1});
  expect_refused(weights, "block_17.expand.weight");
  expect_refused({}, "stem");
}

TEST(MobilenetWeights, OfAnotherValueHaveAnotherDigest) {
  Weights weights = formula_mobilenet_weights(10);
  EXPECT_EQ(MobilenetV2(weights, "").digest(), formula_network().digest());
  weights["block_4.sum.range"] = at::tensor({-19.0F, 20.0F});
  EXPECT_NE(MobilenetV2(weights, "").digest(), formula_network().digest());
}

}  // namespace mobilenet_test
}  // namespace shalab
