// poly_mnist on pictures as they were published.

#include <ATen/ATen.h>

#include "dataset_files.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"

namespace shalab {
namespace poly_mnist_archive_test {

namespace fs = std::filesystem;

constexpr int kParts = 3;
const char* const kFolders[kParts] = {"train", "val", "test"};

// The tuple (i, digit) of part p shows the colour (10 i + digit, m, p), its
// last pixel excepted, which is (0, 0, 255).
class PolyMnistArchive : public ::testing::Test {
 protected:
  void write_part(int part, int per_digit, int modalities) const {
    for (int m = 0; m < modalities; ++m) {
      for (int digit = 0; digit < 10; ++digit) {
        for (int i = 0; i < per_digit; ++i) {
          const std::string name =
              std::to_string(i) + "." + std::to_string(digit) + ".png";
          write_picture(part, m, name, 10 * i + digit);
        }
      }
    }
  }

  fs::path file(int part, int m, const std::string& name) const {
    return folder_.path() / "poly" / kFolders[part] /
           ("m" + std::to_string(m)) / name;
  }

  void write_picture(int part, int m, const std::string& name, int red,
                     std::int64_t height = 28) const {
    io::Image image{28, height, 3, {}};
    for (std::int64_t i = 0; i < 28 * height; ++i) {
      for (const int value : {red, m, part}) {
        image.pixels.push_back(static_cast<std::uint8_t>(value));
      }
    }
    std::fill(image.pixels.end() - 3, image.pixels.end() - 1, 0);
    image.pixels.back() = 255;
    fs::create_directories(file(part, m, name).parent_path());
    io::write_png(file(part, m, name), image);
  }

  // 30 training and 20 test tuples.
  void write_archive(int modalities) const {
    write_part(0, 3, modalities);
    write_part(2, 2, modalities);
  }

  Services services() const {
    Services services = services_at(folder_.path());
    services.cache_folder = cache_.path();
    return services;
  }

  std::unique_ptr<Dataset> make(ChangedKeys keys = {}) const {
    keys.emplace_back("archive", std::string("poly"));
    return make_dataset("poly_mnist", services(), keys);
  }

  void expect_refused(const std::vector<std::string>& words) const {
    const auto [kind, text] =
        refusal("poly_mnist", services(), {{"archive", std::string("poly")}});
    EXPECT_EQ(kind, static_cast<int>(ErrorKind::data)) << text;
    for (const std::string& word : words) {
      EXPECT_NE(text.find(word), std::string::npos) << word << " in\n" << text;
    }
  }

  std::vector<fs::path> packs() const {
    std::vector<fs::path> found;
    for (const auto& entry :
         fs::directory_iterator(cache_.path() / "poly_mnist")) {
      found.push_back(entry.path());
    }
    return found;
  }

  TemporaryFolder folder_;
  TemporaryFolder cache_;
};

Batch whole(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

// The first pixel's channel c, int64 [B].
at::Tensor shown(const at::Tensor& images, std::int64_t c) {
  return images.select(1, c).select(1, 0).select(1, 0).mul(255).round().to(
      at::kLong);
}

TEST_F(PolyMnistArchive, JoinsPicturesOfOneName) {
  write_archive(2);
  const auto dataset = make();
  EXPECT_EQ(dataset->size(Split::train), 27);
  EXPECT_EQ(dataset->size(Split::validation), 3);
  EXPECT_EQ(dataset->size(Split::test), 20);
  ASSERT_EQ(dataset->modalities().size(), 2U);
  EXPECT_EQ(dataset->modalities()[1].name, "m1");
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch batch = whole(*dataset, split);
    const int part = split == Split::test ? 2 : 0;
    const at::Tensor names = shown(batch.data[0], 0);
    EXPECT_TRUE(names.remainder(10).equal(batch.labels));
    for (std::int64_t m = 0; m < 2; ++m) {
      const at::Tensor& images = batch.data[static_cast<std::size_t>(m)];
      EXPECT_EQ(images.sizes().slice(1), at::IntArrayRef({3, 28, 28}));
      EXPECT_TRUE(shown(images, 0).equal(names));
      EXPECT_TRUE(shown(images, 1).eq(m).all().item<bool>());
      EXPECT_TRUE(shown(images, 2).eq(part).all().item<bool>());
      EXPECT_EQ(images[0][2][27][27].item<float>(), 1.0F);
    }
  }
}

TEST_F(PolyMnistArchive, HoldsOutShuffledTrainingTuples) {
  write_archive(2);
  const auto names = [](const Dataset& dataset, Split split) {
    return shown(whole(dataset, split).data[0], 0);
  };
  const auto dataset = make();
  const at::Tensor train = names(*dataset, Split::train);
  const at::Tensor held = names(*dataset, Split::validation);
  EXPECT_TRUE(std::get<0>(at::cat({train, held}).sort()).equal(at::arange(30)));
  EXPECT_TRUE(names(*make(), Split::train).equal(train));
  EXPECT_FALSE(
      names(*make({{"seed", std::int64_t{1}}}), Split::train).equal(train));
  const auto few = make({{"train_limit", std::int64_t{5}}});
  EXPECT_TRUE(names(*few, Split::train).equal(train.slice(0, 0, 5)));
  EXPECT_TRUE(names(*few, Split::validation).equal(held));
}

TEST_F(PolyMnistArchive, HasTenModalitiesAndAValidationFolder) {
  for (int part = 0; part < kParts; ++part) write_part(part, 1, 10);
  const auto dataset = make();
  EXPECT_EQ(dataset->modalities().size(), 10U);
  EXPECT_EQ(dataset->size(Split::train), 10);
  EXPECT_EQ(dataset->size(Split::validation), 10);
  const Batch held = whole(*dataset, Split::validation);
  EXPECT_TRUE(shown(held.data[9], 2).eq(1).all().item<bool>());
  EXPECT_TRUE(shown(held.data[9], 1).eq(9).all().item<bool>());
  EXPECT_TRUE(shown(held.data[9], 0).equal(held.labels));
}

TEST_F(PolyMnistArchive, HalvesTheTestTuplesOnRequest) {
  write_archive(2);
  const auto dataset = make({{"validation", std::string("test_half")}});
  EXPECT_EQ(dataset->size(Split::train), 30);
  const Batch held = whole(*dataset, Split::validation);
  const Batch test = whole(*dataset, Split::test);
  EXPECT_TRUE(shown(held.data[0], 2).eq(2).all().item<bool>());
  const at::Tensor both =
      at::cat({shown(held.data[1], 0), shown(test.data[1], 0)});
  EXPECT_EQ(held.size(), 10);
  EXPECT_TRUE(std::get<0>(both.sort()).equal(at::arange(20)));
  EXPECT_NE(dataset->fingerprint(), make()->fingerprint());
}

TEST_F(PolyMnistArchive, PacksEachFolderOnce) {
  write_archive(2);
  const std::string before = make()->fingerprint();
  ASSERT_EQ(packs().size(), 4U);
  for (const fs::path& pack : packs()) {
    io::NamedArrays arrays = io::read_npz(pack);
    std::vector<std::byte>& pixels = arrays["images"].bytes;
    std::fill(pixels.begin(), pixels.end(), std::byte{51});
    io::write_npz(pack, arrays);
  }
  EXPECT_TRUE(
      shown(whole(*make(), Split::test).data[1], 0).eq(51).all().item<bool>());
  for (const fs::path& pack : packs()) std::ofstream(pack) << "damaged";
  EXPECT_EQ(make()->fingerprint(), before);
  write_picture(2, 1, "0.3.png", 251);
  EXPECT_NE(make()->fingerprint(), before);
  EXPECT_EQ(shown(whole(*make(), Split::test).data[1], 0).max().item<int>(),
            251);
}

TEST_F(PolyMnistArchive, IsJudgedByThePublishedClassifiersOfFive) {
  write_part(0, 1, 6);
  write_part(2, 1, 6);
  EXPECT_EQ(make()->judge_sources()[0].kind, JudgeSource::Kind::trained);
  fs::remove_all(file(0, 5, ""));
  fs::remove_all(file(2, 5, ""));
  EXPECT_EQ(make()->judge_sources()[4].file, "classifiers/polymnist_m4.npz");
  const auto own = make({{"judges", std::string("trained")}});
  EXPECT_EQ(own->judge_sources()[4].kind, JudgeSource::Kind::trained);
}

TEST_F(PolyMnistArchive, RefusesFoldersThatDisagree) {
  write_archive(3);
  fs::remove(file(0, 1, "2.7.png"));
  expect_refused({"train/m1/2.7.png is missing", "train/m0"});
  write_picture(0, 1, "2.7.png", 0);
  write_picture(2, 2, "9.4.png", 0);
  expect_refused({"test/m0/9.4.png is missing", "test/m2"});
  fs::remove(file(2, 2, "9.4.png"));
  fs::remove_all(file(2, 2, ""));
  expect_refused({"poly/test holds 2 modalities, train 3"});
  fs::remove_all(file(0, 1, ""));
  expect_refused({"train/m2", "but not", "train/m1"});
  fs::remove_all(folder_.path() / "poly/train");
  expect_refused({"poly/train holds 0 folders", "train/m0/{i}.{digit}.png"});
}

TEST_F(PolyMnistArchive, RefusesOtherFiles) {
  write_archive(1);
  for (const std::string name : {"a.png", "01.2.png", "1.10.png", "3.png"}) {
    write_picture(0, 0, name, 0);
    expect_refused({"m0/" + name, "{i}.{digit}.png"});
    fs::remove(file(0, 0, name));
  }
  write_picture(2, 0, "1.2.png", 0, 30);
  expect_refused({"test/m0/1.2.png is 28 x 30 pixels"});
  fs::resize_file(file(2, 0, "1.2.png"), 50);
  expect_refused({"test/m0/1.2.png"});
  std::ofstream(file(2, 0, ".hidden")) << "left alone";
  write_picture(2, 0, "1.2.png", 12);
  EXPECT_EQ(make()->size(Split::test), 20);
}

TEST_F(PolyMnistArchive, RefusesWhatIsForTheRecipe) {
  write_archive(1);
  const auto [kind, text] =
      refusal("poly_mnist", services(),
              {{"archive", std::string("poly")}, {"translated", true}});
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::usage)) << text;
}

}  // namespace poly_mnist_archive_test
}  // namespace shalab
