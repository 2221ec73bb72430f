#include "transposed_forms.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace shalab::nn {

namespace {

std::int64_t output_size(std::int64_t size, std::int64_t k,
                         const Geometry& geometry) {
  return (size - 1) * geometry.stride - 2 * geometry.padding + k +
         geometry.output_padding;
}

// Along one axis phase a of the output, y[stride i + a], reads the places
// x[i + first ... i + first + count - 1].
struct Reach {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

Reach reach_of(std::int64_t k, const Geometry& geometry) {
  const std::int64_t low = geometry.padding - (k - 1);
  const std::int64_t s = geometry.stride;
  const std::int64_t first = low >= 0 ? (low + s - 1) / s : -(-low / s);
  return {first, (s - 1 + geometry.padding) / s - first + 1};
}

// Which of k taps meets offset i in phase a; k where none does.
std::vector<std::int64_t> taps(std::int64_t k, const Reach& reach,
                               const Geometry& geometry) {
  std::vector<std::int64_t> result;
  for (std::int64_t a = 0; a < geometry.stride; ++a) {
    for (std::int64_t i = 0; i < reach.count; ++i) {
      const std::int64_t tap =
          a + geometry.padding - geometry.stride * (reach.first + i);
      result.push_back(tap >= 0 && tap < k ? tap : k);
    }
  }
  return result;
}

// [stride, stride, count, count] numbers of kernel places, k * k for none.
at::Tensor places(std::int64_t k, const Reach& reach,
                  const Geometry& geometry) {
  const std::vector<std::int64_t> one = taps(k, reach, geometry);
  const at::Tensor tap =
      at::tensor(one, at::kLong).view({geometry.stride, reach.count});
  const at::Tensor rows = tap.view({geometry.stride, 1, reach.count, 1});
  const at::Tensor columns = tap.view({1, geometry.stride, 1, reach.count});
  const at::Tensor place = rows * k + columns;
  return at::where((rows == k).logical_or(columns == k), k * k, place);
}

// [stride^2 * out, in, count, count]
at::Tensor phase_kernels(const at::Tensor& weight, const Reach& reach,
                         const Geometry& geometry) {
  const std::int64_t k = weight.size(2);
  const at::Tensor padded = at::constant_pad_nd(weight.flatten(2), {0, 1});
  return padded.index_select(2, places(k, reach, geometry).flatten())
      .view({weight.size(0), weight.size(1), -1, reach.count, reach.count})
      .permute({2, 1, 0, 3, 4})
      .flatten(0, 1)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

at::Tensor transposed_by_gradient(const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& bias,
                                  const Geometry& geometry) {
  const std::int64_t k = weight.size(2);
  const at::Tensor shape_of_result =
      at::empty({x.size(0), weight.size(1), output_size(x.size(2), k, geometry),
                 output_size(x.size(3), k, geometry)},
                x.options(), x.suggest_memory_format());
  const auto gradients = at::convolution_backward(
      x, shape_of_result, weight, at::OptionalIntArrayRef(),
      {geometry.stride, geometry.stride}, {geometry.padding, geometry.padding},
      {1, 1}, false, {0, 0}, 1, {true, false, false});
  at::Tensor y = std::get<0>(gradients);
  return bias.defined() ? y.add_(bias.view({1, -1, 1, 1})) : y;
}

at::Tensor transposed_by_phases(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias,
                                const Geometry& geometry) {
  const std::int64_t k = weight.size(2), s = geometry.stride;
  const std::int64_t height = output_size(x.size(2), k, geometry);
  const std::int64_t width = output_size(x.size(3), k, geometry);
  const std::int64_t rows = (height + s - 1) / s, columns = (width + s - 1) / s;
  const Reach reach = reach_of(k, geometry);
  const std::int64_t last = reach.first + reach.count - 1;
  const std::int64_t padding =
      std::max({std::int64_t{0}, -reach.first, rows + last - x.size(2),
                columns + last - x.size(3)});
  const at::Tensor phases =
      at::convolution(x, phase_kernels(weight, reach, geometry),
                      bias.defined() ? bias.repeat({s * s}) : at::Tensor(),
                      {1, 1}, {padding, padding}, {1, 1}, false, {0, 0}, 1);
  const std::int64_t start = padding + reach.first;
  return phases.permute({0, 2, 3, 1})
      .narrow(1, start, rows)
      .narrow(2, start, columns)
      .unflatten(3, {s, s, weight.size(1)})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({x.size(0), rows * s, columns * s, weight.size(1)})
      .narrow(1, 0, height)
      .narrow(2, 0, width)
      .permute({0, 3, 1, 2})
      .contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor weight_gradient_by_columns(const at::Tensor& small,
                                      const at::Tensor& large, std::int64_t k,
                                      const Geometry& geometry) {
  const std::int64_t p = geometry.padding, s = geometry.stride;
  const at::Tensor padded =
      at::constant_pad_nd(large.permute({0, 2, 3, 1}), {0, 0, p, p, p, p})
          .contiguous();
  const std::int64_t batch = padded.size(0), height = padded.size(1),
                     width = padded.size(2), channels = padded.size(3);
  const std::int64_t row = width * channels;
  const at::Tensor columns =
      padded
          .as_strided({batch, small.size(2), small.size(3), k, k, channels},
                      {height * row, s * row, s * channels, row, channels, 1})
          .reshape({-1, k * k * channels});
  const at::Tensor rows =
      small.permute({0, 2, 3, 1}).reshape({-1, small.size(1)});
  return rows.t()
      .mm(columns)
      .view({small.size(1), k, k, channels})
      .permute({0, 3, 1, 2});
}

at::Tensor weight_gradient_by_convolution(const at::Tensor& small,
                                          const at::Tensor& large,
                                          const at::Tensor& weight,
                                          const Geometry& geometry) {
  const auto gradients = at::convolution_backward(
      small, large, weight, at::OptionalIntArrayRef(),
      {geometry.stride, geometry.stride}, {geometry.padding, geometry.padding},
      {1, 1}, false, {0, 0}, 1, {false, true, false});
  return std::get<1>(gradients);
}

}  // namespace shalab::nn
