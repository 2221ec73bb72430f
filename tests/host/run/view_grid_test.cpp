#include "run/view_grid.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab {
namespace view_grid_test {

ModalitySpec view_of(const std::string& name, std::int64_t side = 2) {
  return {name, ModalityKind::image, {3, side, side}, {}, "normal"};
}

std::vector<ModalitySpec> three_views() {
  return {view_of("v0"), view_of("v1"), view_of("v2")};
}

at::Tensor grey(double level) { return at::full({1, 3, 2, 2}, level); }

// True views of one object of grey 0, .2, .4; generated ones of 0.6, .8, 1.
struct OneObject {
  std::vector<ModalitySpec> modalities = three_views();
  Batch truth;
  std::vector<at::Tensor> samples{grey(0.6), grey(0.8), grey(1.0)};

  OneObject() {
    truth.data = {grey(0.0), grey(0.2), grey(0.4)};
    truth.presence = at::ones({1, 3}, at::kBool);
    truth.ids = at::zeros({1}, at::kLong);
  }
  io::Image draw(ModalitySubset given) const {
    return *draw_grid(view_rows(modalities, given, truth, samples), 1);
  }
};

using Colour = std::vector<int>;
const Colour kWhite{255, 255, 255};
const Colour kFrame{220, 60, 20};

Colour grey_of(double level) {
  return Colour(3, static_cast<int>(level * 255));
}

Colour pixel(const io::Image& image, std::int64_t x, std::int64_t y) {
  const auto* first = &image.pixels[(y * image.width + x) * 3];
  return {first, first + 3};
}

// Cells of 2 x 2 and gaps of 2: columns begin at 2, 6 and 10, rows at 2 and 6.
TEST(ViewGrid, HasTheTruthAboveAndTheGivenViewsFirst) {
  const auto image = OneObject().draw(ModalitySubset::only(1));
  EXPECT_EQ(image.width, 14);
  EXPECT_EQ(image.height, 10);
  EXPECT_EQ(pixel(image, 2, 2), grey_of(0.2));
  EXPECT_EQ(pixel(image, 6, 2), grey_of(0.0));
  EXPECT_EQ(pixel(image, 10, 2), grey_of(0.4));
  EXPECT_EQ(pixel(image, 2, 6), kWhite) << "a given view is not generated";
  EXPECT_EQ(pixel(image, 6, 6), grey_of(0.6));
  EXPECT_EQ(pixel(image, 10, 6), kWhite);
}

TEST(ViewGrid, FramesTheGivenViewsAlone) {
  const auto image = OneObject().draw(ModalitySubset::only(1).with(2));
  for (const std::int64_t x : {1, 4, 5, 8}) {
    EXPECT_EQ(pixel(image, x, 1), kFrame) << x;
    EXPECT_EQ(pixel(image, x, 4), kFrame) << x;
  }
  EXPECT_EQ(pixel(image, 9, 2), kWhite);
  EXPECT_EQ(pixel(image, 5, 6), kWhite);
}

TEST(ViewGrid, LeavesAbsentViewsBlank) {
  OneObject object;
  object.truth.presence[0][2] = false;
  const auto image = object.draw(ModalitySubset::only(1));
  EXPECT_EQ(pixel(image, 6, 2), grey_of(0.0));
  EXPECT_EQ(pixel(image, 10, 2), kWhite);
}

void expect_views_refused(const std::vector<ModalitySpec>& modalities,
                          ModalitySubset given, const std::string& part) {
  try {
    require_views(modalities, given);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << error.what();
  }
}

TEST(ViewGrid, RefusesWhatIsNoSetOfViews) {
  auto modalities = three_views();
  EXPECT_NO_THROW(require_views(modalities, ModalitySubset::only(2)));
  modalities[1] = view_of("large", 4);
  expect_views_refused(modalities, ModalitySubset::only(0),
                       "large is 3 x 4 x 4, v0 is 3 x 2 x 2");
  modalities[1] = {"words", ModalityKind::tokens, {8}, {"a"}, "categorical"};
  expect_views_refused(modalities, ModalitySubset::only(0),
                       "words is no picture");
  expect_views_refused(modalities, ModalitySubset::only(0),
                       "--kind conditional");
}

TEST(ViewGrid, RefusesToStartFromNothingOrFromAll) {
  const auto modalities = three_views();
  expect_views_refused(modalities, ModalitySubset::none(), "--given v0");
  expect_views_refused(modalities, ModalitySubset::all(3), "--given v0");
}

}  // namespace view_grid_test
}  // namespace shalab
