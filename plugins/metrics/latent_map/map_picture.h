#pragma once
// Clouds of points in a plane as a picture.

#include <ATen/core/Tensor.h>

#include <vector>

#include "shalab/io/images.h"

namespace shalab::latent_map {

struct Cloud {
  at::Tensor points;  // double [N, 2]
  at::Tensor labels;  // int64 [N]: a colour each; undefined: one colour
};

// A square panel per cloud, side by side, of the plane from -half_width to
// half_width both ways, the second coordinate upwards. Denser is darker; points
// outside are drawn on the edge.
io::Image draw_map(const std::vector<Cloud>& clouds, double half_width);

}  // namespace shalab::latent_map
