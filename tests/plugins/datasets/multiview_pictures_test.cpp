// Pixels of the dataset multiview: against Pillow, and of rendered cars.

#include <ATen/ATen.h>

#include <algorithm>

#include "dataset_files.h"
#include "shalab/io/images.h"

namespace shalab {
namespace multiview_pictures_test {

namespace fs = std::filesystem;

// tools/oracles/view_pictures.py: one RGBA picture and what Pillow makes of it.
class MultiviewPictures : public ::testing::Test {
 protected:
  MultiviewPictures() {
    for (const char* object : {"a", "b", "c"}) {
      fs::create_directories(folder_.path() / "views" / object);
      fs::copy_file(fixtures_ / "views/a/000.png",
                    folder_.path() / "views" / object / "000.png");
    }
  }

  // Largest difference in steps of 255.
  double difference(std::int64_t size, const std::string& golden) const {
    Services services = services_at(folder_.path());
    services.cache_folder = folder_.path() / "cache";
    const auto dataset =
        make_dataset("multiview", services,
                     {{"folder", std::string("views")}, {"size", size}});
    const at::Tensor picture =
        dataset->gather(Split::test, at::arange(1)).data[0][0];
    const io::Image image = io::read_image(fixtures_ / golden, 3);
    at::Tensor expected = at::empty({image.height, image.width, 3}, at::kByte);
    std::copy(image.pixels.begin(), image.pixels.end(),
              expected.data_ptr<std::uint8_t>());
    return picture.mul(255)
        .sub(expected.permute({2, 0, 1}).to(at::kFloat))
        .abs()
        .max()
        .item<double>();
  }

  fs::path fixtures_ = SHALAB_SOURCE_DIR "/tests/fixtures/multiview";
  TemporaryFolder folder_;
};

TEST_F(MultiviewPictures, AreDrawnOverWhite) {
  EXPECT_LT(difference(0, "over_white.png"), 0.01);
}

TEST_F(MultiviewPictures, AreResizedAsPillowDoes) {
  EXPECT_LT(difference(16, "bicubic_16.png"), 0.01);
  EXPECT_LT(difference(40, "bicubic_40.png"), 0.01);
}

// Pictures of tools/render_views in a data folder.
TEST(MultiviewOnRenderedCars, HoldOutBodies) {
  std::unique_ptr<Dataset> dataset;
  TemporaryFolder cache;
  Services services = services_of_real_data();
  services.cache_folder = cache.path();
  try {
    dataset = make_dataset("multiview", services);
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  ASSERT_EQ(dataset->modalities().size(), 16U);
  EXPECT_EQ(dataset->size(Split::test) % 4, 0);
  EXPECT_EQ(dataset->size(Split::train), 7 * dataset->size(Split::validation));
  const Batch test =
      dataset->gather(Split::test, at::arange(dataset->size(Split::test)));
  for (const at::Tensor& view : test.data) {
    EXPECT_EQ(view.select(2, 0).min().item<float>(), 1.0f);  // white on top
    const at::Tensor shown = (view < 1).any(1).to(at::kFloat).mean({1, 2});
    EXPECT_GT(shown.min().item<float>(), 0.02f);
    EXPECT_LT(shown.max().item<float>(), 0.5f);
  }
  EXPECT_NE(dataset->note().find("not ShapeNet"), std::string::npos);
}

}  // namespace multiview_pictures_test
}  // namespace shalab
