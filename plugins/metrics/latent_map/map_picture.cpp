#include "map_picture.h"

#include <ATen/ATen.h>

#include <cstring>

namespace shalab::latent_map {

namespace {

constexpr std::int64_t kCells = 180;
constexpr std::int64_t kPixelsPerCell = 2;
constexpr double kClear = 0.45;  // what one point leaves of the paper's white
constexpr double kFrame = 150;   // grey
constexpr std::int64_t kGap = 6;

// Ten colours that are told apart at a glance (Tableau 10).
at::Tensor palette() {
  return at::tensor({31,  119, 180, 255, 127, 14,  44, 160, 44,  214,
                     39,  40,  148, 103, 189, 140, 86, 75,  227, 119,
                     194, 127, 127, 127, 188, 189, 34, 23,  190, 207},
                    at::kDouble)
      .view({10, 3});
}

at::Tensor colours(const Cloud& cloud) {
  const at::Tensor labels =
      cloud.labels.defined()
          ? cloud.labels
          : at::zeros({cloud.points.size(0)}, at::TensorOptions(at::kLong));
  const at::Tensor all = palette();
  return all.index_select(0, labels.remainder(all.size(0)));
}

// int64 [N]: the cell of each point, row by row from the top.
at::Tensor cells(const at::Tensor& points, double half_width) {
  const at::Tensor place = ((points / half_width + 1) * (kCells / 2.0))
                               .floor()
                               .clamp(0, kCells - 1)
                               .to(at::kLong);
  return (kCells - 1 - place.select(1, 1)) * kCells + place.select(1, 0);
}

// double [height, width, 3] in [0, 255].
at::Tensor panel(const Cloud& cloud, double half_width) {
  const at::Tensor cell = cells(cloud.points, half_width);
  const at::Tensor count =
      at::zeros({kCells * kCells, 1}, at::kDouble)
          .index_add(0, cell, at::ones({cell.size(0), 1}, at::kDouble));
  const at::Tensor colour = at::zeros({kCells * kCells, 3}, at::kDouble)
                                .index_add(0, cell, colours(cloud)) /
                            count.clamp_min(1);
  const at::Tensor clear = at::pow(kClear, count);
  const at::Tensor pixels = (255 * clear + colour * (1 - clear))
                                .view({kCells, kCells, 3})
                                .repeat_interleave(kPixelsPerCell, 0)
                                .repeat_interleave(kPixelsPerCell, 1);
  return at::constant_pad_nd(
      at::constant_pad_nd(pixels, {0, 0, 1, 1, 1, 1}, kFrame),
      {0, 0, kGap, kGap, kGap, kGap}, 255);
}

io::Image image_of(const at::Tensor& pixels) {
  const at::Tensor bytes = pixels.round().to(at::kByte).contiguous();
  io::Image image{bytes.size(1), bytes.size(0), bytes.size(2), {}};
  image.pixels.resize(bytes.nbytes());
  std::memcpy(image.pixels.data(), bytes.const_data_ptr(), bytes.nbytes());
  return image;
}

}  // namespace

io::Image draw_map(const std::vector<Cloud>& clouds, double half_width) {
  std::vector<at::Tensor> panels;
  for (const Cloud& cloud : clouds) panels.push_back(panel(cloud, half_width));
  return image_of(at::cat(panels, 1));
}

}  // namespace shalab::latent_map
