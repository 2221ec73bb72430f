#include "manifold.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace shalab::latent_map {

namespace {

constexpr std::int64_t kRowsAtOnce = 1000;
// Of at::cdist: differences are squared one by one. The product form rounds
// equal points apart.
constexpr std::int64_t kNoProducts = 2;

at::Tensor distances(const at::Tensor& x, const at::Tensor& y) {
  return at::cdist(x, y, 2.0, kNoProducts);
}

template <typename Part>
at::Tensor by_parts(const at::Tensor& x, const Part& part) {
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < x.size(0); first += kRowsAtOnce) {
    parts.push_back(
        part(x.slice(0, first, std::min(first + kRowsAtOnce, x.size(0)))));
  }
  return at::cat(parts);
}

}  // namespace

Manifold::Manifold(const at::Tensor& points, std::int64_t k)
    : points_(points.to(at::kDouble)),
      radii_(by_parts(points_, [&](const at::Tensor& rows) {
        return std::get<0>(distances(rows, points_).kthvalue(k + 1, 1));
      })) {}

at::Tensor Manifold::contains(const at::Tensor& x) const {
  return by_parts(x.to(at::kDouble), [&](const at::Tensor& rows) {
    return (distances(rows, points_) <= radii_).any(1);
  });
}

}  // namespace shalab::latent_map
