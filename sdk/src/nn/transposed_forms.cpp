#include "transposed_forms.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>

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

// The tap of k that offset i meets in phase a, or none of them: < 0 or >= k.
std::int64_t tap_of(std::int64_t phase, std::int64_t i, const Reach& reach,
                    const Geometry& geometry) {
  return phase + geometry.padding - geometry.stride * (reach.first + i);
}

// kernels [stride^2 * out, in, count, count] from weight [in, out, k, k].
template <typename Number>
void write_phase_kernels(const at::Tensor& weight, const Reach& reach,
                         const Geometry& geometry, const at::Tensor& kernels) {
  const auto from = weight.accessor<Number, 4>();
  auto to = kernels.accessor<Number, 4>();
  const std::int64_t in = from.size(0), out = from.size(1), k = from.size(2);
  const std::int64_t s = geometry.stride, count = reach.count;
  for (std::int64_t place = 0; place < s * s * count * count; ++place) {
    const std::int64_t phase = place / (count * count);
    const std::int64_t i = place / count % count, j = place % count;
    const std::int64_t row = tap_of(phase / s, i, reach, geometry);
    const std::int64_t column = tap_of(phase % s, j, reach, geometry);
    if (std::min(row, column) < 0 || std::max(row, column) >= k) continue;
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t c = 0; c < in; ++c) {
        to[phase * out + o][c][i][j] = from[c][o][row][column];
      }
    }
  }
}

at::Tensor phase_kernels(const at::Tensor& weight, const Reach& reach,
                         const Geometry& geometry) {
  const std::int64_t phases = geometry.stride * geometry.stride;
  const at::Tensor kernels = at::empty(
      {phases * weight.size(1), weight.size(0), reach.count, reach.count},
      weight.options(), at::MemoryFormat::ChannelsLast);
  kernels.zero_();
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kBFloat16, at::kHalf, weight.scalar_type(), "phase_kernels",
      [&] { write_phase_kernels<scalar_t>(weight, reach, geometry, kernels); });
  return kernels;
}

at::Tensor repeated(const at::Tensor& bias, std::int64_t times) {
  if (!bias.defined()) return bias;
  return bias.expand({times, bias.size(0)}).reshape({-1});
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
  const at::Tensor phases = at::convolution(
      x, phase_kernels(weight, reach, geometry), repeated(bias, s * s), {1, 1},
      {padding, padding}, {1, 1}, false, {0, 0}, 1);
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
