#include "shalab/nn/inception.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "inception_weights.h"
#include "shalab/error.h"
#include "shalab/io/tensors.h"
#include "shalab/services.h"

namespace shalab {
namespace inception_test {

using Resize = InceptionResize;
using Weights = std::map<std::string, at::Tensor>;

Inception& network() {
  static Inception instance(formula_inception_weights(), "formula");
  return instance;
}

at::Tensor small_image() { return formula_image(3, 28, 28, 0.013, 0.071); }
at::Tensor large_image() { return formula_image(3, 320, 310, 0.029, 0.053); }

double largest_difference(const at::Tensor& x, const at::Tensor& y) {
  return (x - y).abs().max().item<double>();
}

struct Golden {
  const char* array;
  Resize resize;
  bool is_small;
};

class InceptionGolden : public testing::TestWithParam<Golden> {};

// tools/oracles/inception.py: pytorch-fid 0.3.0 and torch-fidelity 0.4.0 on the
// same weights. Features are between 0 and 9.
TEST_P(InceptionGolden, EqualsTheNetworkOfTheTool) {
  const Golden& golden = GetParam();
  const auto arrays =
      io::read_npz(SHALAB_SOURCE_DIR "/tests/fixtures/inception/features.npz");
  const at::Tensor expected = io::to_tensor(arrays.at(golden.array));
  const at::Tensor found = network().features(
      golden.is_small ? small_image() : large_image(), golden.resize);
  ASSERT_EQ(found.sizes(), at::IntArrayRef({1, kInceptionFeatures}));
  EXPECT_LE(largest_difference(found[0], expected), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(
    Conventions, InceptionGolden,
    testing::Values(
        Golden{"pytorch_fid_small", Resize::pytorch_fid, true},
        Golden{"pytorch_fid_large", Resize::pytorch_fid, false},
        Golden{"torch_fidelity_small", Resize::torch_fidelity, true},
        Golden{"torch_fidelity_large", Resize::torch_fidelity, false}),
    [](const auto& tested) { return std::string(tested.param.array); });

TEST(Inception, DoesNotDependOnTheBatch) {
  const at::Tensor images =
      at::cat({small_image(), small_image().flip(3), small_image().flip(2)});
  const at::Tensor together = network().features(images, Resize::pytorch_fid);
  for (const std::int64_t i : {2, 0, 1}) {
    const at::Tensor alone =
        network().features(images.slice(0, i, i + 1), Resize::pytorch_fid);
    EXPECT_LE(largest_difference(together[i], alone[0]), 2e-5) << i;
  }
  EXPECT_GE(largest_difference(together[0], together[1]), 1e-2);
}

TEST(Inception, TakesGreyImagesAsThreeEqualChannels) {
  const at::Tensor grey = small_image().slice(1, 0, 1);
  const at::Tensor colour = at::cat({grey, grey, grey}, 1);
  EXPECT_TRUE(network()
                  .features(grey, Resize::torch_fidelity)
                  .equal(network().features(colour, Resize::torch_fidelity)));
}

// Two columns, 0 and 1, become 299: half-pixel centres put output i at
// 2 (i + 0.5) / 299 - 0.5 of the input, TensorFlow 1 at 2 i / 299.
TEST(InceptionInput, PlacesPixelsByItsConvention) {
  const at::Tensor image =
      at::tensor({0.0F, 1.0F}).view({1, 1, 1, 2}).expand({1, 3, 2, 2});
  const at::Tensor half = inception_input(image, Resize::pytorch_fid)[0][0][0];
  ASSERT_EQ(half.size(0), kInceptionSide);
  EXPECT_NEAR(half[0].item<double>(), -1.0, 1e-6);
  EXPECT_NEAR(half[149].item<double>(), 0.0, 1e-6);
  EXPECT_NEAR(half[100].item<double>(), 2 * (201.0 / 299 - 0.5) - 1, 1e-5);
  EXPECT_NEAR(half[298].item<double>(), 1.0, 1e-6);
  const at::Tensor corner =
      inception_input(image, Resize::torch_fidelity)[0][0][0];
  EXPECT_NEAR(corner[0].item<double>(), -1.0, 1e-6);
  EXPECT_NEAR(corner[100].item<double>(), (255 * 200.0 / 299 - 128) / 128,
              1e-5);
  EXPECT_NEAR(corner[150].item<double>(), 127.0 / 128, 1e-6);
  EXPECT_NEAR(corner[298].item<double>(), 127.0 / 128, 1e-6);
}

TEST(InceptionInput, OfTorchFidelityIsOfEightBits) {
  const at::Tensor image = at::full({1, 1, 4, 4}, 100.4 / 255);
  EXPECT_NEAR(
      inception_input(image, Resize::torch_fidelity).max().item<double>(),
      -28.0 / 128, 1e-6);
  EXPECT_NEAR(inception_input(image, Resize::pytorch_fid).max().item<double>(),
              200.8 / 255 - 1, 1e-6);
}

TEST(InceptionInput, RefusesWhatIsNoImage) {
  EXPECT_THROW(inception_input(at::zeros({2, 2, 8, 8}), Resize::pytorch_fid),
               Error);
  EXPECT_THROW(inception_input(at::zeros({3, 8, 8}), Resize::pytorch_fid),
               Error);
  EXPECT_THROW(inception_resize_from("bicubic"), Error);
  EXPECT_EQ(inception_resize_from("torch_fidelity"), Resize::torch_fidelity);
}

// torchvision's inception_v3 without the auxiliary head has 23,834,568
// parameters, of which 2,049,000 are the classifier's.
TEST(InceptionWeights, AreThoseOf94Convolutions) {
  const auto shapes = inception_weight_shapes();
  EXPECT_EQ(shapes.size(), 94U * 5U);
  std::int64_t parameters = 0;
  for (const auto& [name, shape] : shapes) {
    if (name.find(".running_") == std::string::npos) {
      parameters += c10::multiply_integers(shape);
    }
  }
  EXPECT_EQ(parameters, 23834568 - 2049000);
  EXPECT_EQ(shapes.at("Mixed_6c.branch7x7dbl_5.conv.weight"),
            (std::vector<std::int64_t>{192, 160, 1, 7}));
}

void expect_refused(const Weights& weights, const std::string& part) {
  try {
    const Inception refused(weights, "some file");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    const std::string what = error.what();
    EXPECT_NE(what.find("some file"), std::string::npos) << what;
    EXPECT_NE(what.find(part), std::string::npos) << what;
    EXPECT_NE(what.find("convert_inception"), std::string::npos) << what;
  }
}

TEST(InceptionWeights, AreRefusedWhereTheyAreOthers) {
  const Weights good = formula_inception_weights();
  const std::string name = "Mixed_7c.branch_pool.bn.running_var";
  Weights weights = good;
  weights.erase(name);
  expect_refused(weights, "no tensor '" + name + "'");
  weights = good;
  weights[name] = at::ones({191});
  expect_refused(weights, "is [191], expected [192]");
  weights = good;
  weights[name] = at::full({192}, std::numeric_limits<float>::quiet_NaN());
  expect_refused(weights, name);
  weights = good;
  weights[name] = at::ones({192}, at::kLong);
  expect_refused(weights, name);
  weights = good;
  weights["AuxLogits.fc.weight"] = at::ones({1});
  expect_refused(weights, "AuxLogits.fc.weight");
  expect_refused({}, "Conv2d_1a_3x3.conv.weight");
}

TEST(InceptionWeights, OfAnotherValueHaveAnotherDigest) {
  Weights weights = formula_inception_weights();
  weights["fc.weight"] = at::zeros({1008, 2048});
  weights["Mixed_5b.branch1x1.bn.num_batches_tracked"] =
      at::zeros({}, at::kLong);
  EXPECT_EQ(Inception(weights, "").digest(), network().digest());
  weights["Mixed_5b.branch1x1.bn.bias"] += 0.1;
  EXPECT_NE(Inception(weights, "").digest(), network().digest());
}

TEST(InceptionWeights, OfAMissingFileAreRefusedByName) {
  try {
    read_inception("no/such/file.safetensors");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find("no/such/file"),
              std::string::npos);
  }
}

// The public weights, where a user has them.
TEST(InceptionWeights, OfThePublicFileGiveFiniteFeatures) {
  std::filesystem::path file;
  try {
    file = quiet_services().find_data(
        "inception/pt_inception-2015-12-05.safetensors", "FID weights");
  } catch (const Error& error) {
    GTEST_SKIP() << error.message();
  }
  const auto public_network = read_inception(file);
  const at::Tensor features =
      public_network->features(small_image(), Resize::pytorch_fid);
  EXPECT_TRUE(at::isfinite(features).all().item<bool>());
  EXPECT_GT(features.max().item<double>(), 0.0);
}

}  // namespace inception_test
}  // namespace shalab
