#pragma once
// A small MNIST and a small SVHN for the tests of mnist_svhn and
// mnist_svhn_text, and what their pictures say.

#include <ATen/ATen.h>

#include <set>

#include "dataset_files.h"

namespace shalab {
namespace mnist_svhn_rig {

namespace fs = std::filesystem;

inline const fs::path kFixtures = SHALAB_SOURCE_DIR "/tests/fixtures/svhn";

// MNIST of 200 and 20 items (dataset_files.h), SVHN of 40 and 20 pictures
// (tools/oracles/svhn_mat.py): 4 and 2 pairs of a class in a round.
class MnistSvhn : public ::testing::Test {
 protected:
  MnistSvhn() {
    write_items(folder_.path() / "mnist", "train", 200);
    write_items(folder_.path() / "mnist", "t10k", 20);
    use("train_32x32.mat", "train_32x32.mat");
    use("test_32x32.mat", "test_32x32.mat");
  }

  void use(const std::string& fixture, const std::string& name) const {
    fs::create_directories(folder_.path() / "svhn");
    fs::copy_file(kFixtures / fixture, folder_.path() / "svhn" / name,
                  fs::copy_options::overwrite_existing);
  }

  Services services() const {
    Services services = services_at(folder_.path());
    services.cache_folder = cache_.path();
    return services;
  }

  std::unique_ptr<Dataset> make(
      ChangedKeys keys = {},
      const std::string& name = "mnist_svhn_text") const {
    keys.insert(keys.begin(), {"dm", std::int64_t{3}});
    return make_dataset(name, services(), keys);
  }

  TemporaryFolder folder_;
  TemporaryFolder cache_;
};

inline Batch whole(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

inline at::Tensor items_shown(const at::Tensor& images) {  // int64 [B]
  const at::Tensor bits =
      images.flatten(1).slice(1, 10, 26).gt(0.5).to(at::kLong);
  return (bits * at::pow(2, at::arange(16))).sum(1);
}

// Pixels of the fixtures' picture n, float [B, 3, 32, 32], by their formula.
inline at::Tensor svhn_pictures(const at::Tensor& n) {
  const at::Tensor row = at::arange(32).view({1, 1, 32, 1});
  const at::Tensor column = at::arange(32).view({1, 1, 1, 32});
  const at::Tensor channel = at::arange(3).view({1, 3, 1, 1});
  const at::Tensor sum =
      row + 4 * column + 80 * channel + 7 * n.view({-1, 1, 1, 1});
  return sum.remainder(256).to(at::kFloat).div(255);
}

// Which picture each shows: 7 x 183 = 1 modulo 256.
inline at::Tensor numbers_shown(const at::Tensor& pictures) {
  const at::Tensor corner =
      pictures.select(1, 0).select(1, 0).select(1, 0).mul(255).round();
  return corner.to(at::kLong).mul(183).remainder(256);
}

inline std::string text_of(const Dataset& dataset, const at::Tensor& tokens) {
  std::string text;
  for (std::int64_t i = 0; i < tokens.size(0); ++i) {
    text += dataset.modalities()[2].vocabulary.at(
        static_cast<std::size_t>(tokens[i].item<std::int64_t>()));
  }
  return text;
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::set<std::int64_t> as_set(const at::Tensor& numbers) {
  const auto* begin = numbers.data_ptr<std::int64_t>();
  return {begin, begin + numbers.numel()};
}

}  // namespace mnist_svhn_rig
}  // namespace shalab
