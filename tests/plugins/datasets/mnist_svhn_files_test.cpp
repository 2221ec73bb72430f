#include "mnist_svhn_rig.h"
#include "shalab/io/arrays.h"

namespace shalab {
namespace mnist_svhn_files_test {

using namespace mnist_svhn_rig;

class MnistSvhnFiles : public MnistSvhn {
 protected:
  fs::path train_file() const {
    return folder_.path() / "svhn/train_32x32.mat";
  }

  // What is said of a fixture in place of the training file.
  std::string refused(const std::string& fixture) const {
    use(fixture, "train_32x32.mat");
    return refused_as_it_is();
  }

  std::string refused_as_it_is() const {
    const auto [kind, text] = refusal("mnist_svhn", services());
    EXPECT_EQ(kind, static_cast<int>(ErrorKind::data)) << text;
    EXPECT_TRUE(has(text, train_file().string())) << text;
    return text;
  }

  std::vector<fs::path> packs() const {
    std::vector<fs::path> found;
    for (const auto& entry :
         fs::directory_iterator(cache_.path() / "datasets")) {
      found.push_back(entry.path());
    }
    return found;
  }
};

TEST_F(MnistSvhnFiles, ReadsTheFilesOfMatlab) {
  const auto dataset = make();
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch batch = whole(*dataset, split);
    const at::Tensor n = numbers_shown(batch.data[1]);
    EXPECT_TRUE(batch.data[1].equal(svhn_pictures(n)));
    EXPECT_TRUE(n.add(1).remainder(10).equal(batch.labels));
    EXPECT_TRUE(items_shown(batch.data[0]).remainder(10).equal(batch.labels));
  }
}

TEST_F(MnistSvhnFiles, PacksPicturesOnce) {
  const Batch before = whole(*make(), Split::train);
  ASSERT_EQ(packs().size(), 2U);
  for (const fs::path& pack : packs()) {
    io::NamedArrays arrays = io::read_npz(pack);
    std::vector<std::byte>& pixels = arrays["images"].bytes;
    std::fill(pixels.begin(), pixels.end(), std::byte{51});
    io::write_npz(pack, arrays);
  }
  const Batch packed = whole(*make(), Split::train);
  EXPECT_TRUE(packed.data[1].mul(255).round().eq(51).all().item<bool>());
  EXPECT_TRUE(packed.labels.equal(before.labels));
}

TEST_F(MnistSvhnFiles, PacksAnewWhatIsDamaged) {
  const Batch before = whole(*make(), Split::train);
  for (const fs::path& pack : packs()) std::ofstream(pack) << "damaged";
  EXPECT_TRUE(whole(*make(), Split::train).data[1].equal(before.data[1]));
  for (const fs::path& pack : packs()) {
    EXPECT_EQ(io::read_npz(pack).at("images").shape.size(), 4U);
  }
}

TEST_F(MnistSvhnFiles, ReadsWithoutACacheFolder) {
  Services services = this->services();
  services.cache_folder = train_file() / "below_a_file";
  const auto dataset = make_dataset("mnist_svhn", services);
  EXPECT_EQ(dataset->size(Split::test), 20 * 20);
}

TEST_F(MnistSvhnFiles, TellsFilesApartByTheirContents) {
  const std::string before = make()->fingerprint();
  use("test_32x32.mat", "train_32x32.mat");
  const auto other = make();
  EXPECT_NE(other->fingerprint(), before);
  EXPECT_EQ(other->size(Split::train), 3 * 18);
}

TEST_F(MnistSvhnFiles, RefusesWhatIsNotSvhn) {
  EXPECT_TRUE(has(refused("side_28.mat"), "28 x 28 x 3 x 2"));
  EXPECT_TRUE(has(refused("float_pictures.mat"), "class number 6"));
  EXPECT_TRUE(has(refused("no_labels.mat"), "no array y"));
  EXPECT_TRUE(has(refused("more_labels.mat"), "3 x 1 for 2 pictures"));
  EXPECT_TRUE(has(refused("word_labels.mat"), "class number 4"));
  EXPECT_TRUE(has(refused("label_11.mat"), "other labels than 1 to 10"));
  EXPECT_TRUE(has(refused("half_label.mat"), "other labels than 1 to 10"));
  EXPECT_TRUE(has(refused("two_pictures.mat"), "no picture of class 0"));
  std::ofstream(train_file()) << "no pictures";
  EXPECT_TRUE(has(refused_as_it_is(), "32 x 32 x 3 x N"));
}

TEST_F(MnistSvhnFiles, RefusesATruncatedFile) {
  const auto size = static_cast<std::size_t>(fs::file_size(train_file()));
  for (std::size_t kept = 0; kept < size; kept += 61) {
    use("train_32x32.mat", "train_32x32.mat");
    fs::resize_file(train_file(), kept);
    EXPECT_FALSE(refused_as_it_is().empty()) << kept << " bytes";
  }
}

TEST_F(MnistSvhnFiles, RefusesADamagedFile) {
  std::fstream(train_file()).seekp(600).write("\xFF\xFF\xFF\xFF", 4);
  EXPECT_TRUE(has(refused_as_it_is(), "damaged"));
}

TEST_F(MnistSvhnFiles, SaysWhereSvhnIsLookedFor) {
  fs::remove(folder_.path() / "svhn/test_32x32.mat");
  const auto [kind, text] =
      refusal("mnist_svhn", services(), {{"folder", std::string("/nowhere")}});
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_TRUE(has(text, "/nowhere/test_32x32.mat")) << text;
  EXPECT_TRUE(has(text, (folder_.path() / "svhn/test_32x32.mat").string()));
  EXPECT_TRUE(has(text, "dataset.folder"));
  const auto dataset = make({{"folder", kFixtures.string()}});
  EXPECT_EQ(dataset->size(Split::test), 60);
}

TEST_F(MnistSvhnFiles, RefusesLabelsThatDisagreeWithTheirPictures) {
  const fs::path file = folder_.path() / "mnist/t10k-labels-idx1-ubyte.gz";
  write_idx(file, {19}, std::vector<std::uint8_t>(19, 0));
  const auto [kind, text] = refusal("mnist_svhn", services());
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_TRUE(has(text, file.string())) << text;
  write_idx(file, {20}, std::vector<std::uint8_t>(20, 10));
  EXPECT_TRUE(has(refusal("mnist_svhn", services()).second, "above 9"));
}

TEST_F(MnistSvhnFiles, NamesThePackageOfFashionMnist) {
  const auto [kind, text] =
      refusal("mnist_svhn_text", services(),
              {{"second", std::string("fashion_mnist")},
               {"folder", (folder_.path() / "absent").string()}});
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_TRUE(has(text, "apt-get install dataset-fashion-mnist")) << text;
  EXPECT_TRUE(has(text, "absent/train-images-idx3-ubyte.gz"));
}

}  // namespace mnist_svhn_files_test
}  // namespace shalab
