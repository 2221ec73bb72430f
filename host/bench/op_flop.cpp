#include "bench/op_flop.h"

#include <ATen/core/Tensor.h>

namespace shalab {

namespace {

double size_of(const c10::IValue& value) {
  return static_cast<double>(value.toTensor().numel());
}

double rows_of(const at::Tensor& x) { return static_cast<double>(x.size(0)); }

// One number may stand for all dimensions.
std::int64_t of_dimension(const c10::List<std::int64_t>& values,
                          std::size_t i) {
  return values.get(values.size() == 1 ? 0 : i);
}

// Outputs of a forward convolution over `x`, one channel.
double output_places(const at::Tensor& x, const at::Tensor& weight,
                     const c10::List<std::int64_t>& stride,
                     const c10::List<std::int64_t>& padding,
                     const c10::List<std::int64_t>& dilation) {
  double places = rows_of(x);
  for (std::int64_t d = 2; d < x.dim(); ++d) {
    const auto i = static_cast<std::size_t>(d - 2);
    const auto reach = of_dimension(dilation, i) * (weight.size(d) - 1) + 1;
    const auto room = x.size(d) + 2 * of_dimension(padding, i) - reach;
    places *= static_cast<double>(room / of_dimension(stride, i) + 1);
  }
  return places;
}

// input, weight, bias, stride, padding, dilation, transposed, ...
double convolution(c10::ArrayRef<const c10::IValue> in) {
  const auto x = in[0].toTensor();
  const auto weight = in[1].toTensor();
  const bool is_transposed = in[6].toBool();
  const double per_place = size_of(in[1]) / static_cast<double>(weight.size(0));
  if (is_transposed) return 2 * size_of(in[0]) * per_place;
  const double places = output_places(x, weight, in[3].toIntList(),
                                      in[4].toIntList(), in[5].toIntList());
  return 2 * places * size_of(in[1]);
}

// grad_output, input, weight, bias_sizes, stride, padding, dilation,
// transposed, output_padding, groups, output_mask
double convolution_backward(c10::ArrayRef<const c10::IValue> in) {
  const auto weight = in[2].toTensor();
  const double per_place = size_of(in[2]) / static_cast<double>(weight.size(0));
  const double one = 2 * size_of(in[in[7].toBool() ? 1 : 0]) * per_place;
  const auto mask = in[10].toBoolList();
  return one * ((mask.get(0) ? 1 : 0) + (mask.get(1) ? 1 : 0));
}

// [.., n, k] x [.., k, m]
double product(const c10::IValue& a, const c10::IValue& b) {
  return 2 * size_of(a) * static_cast<double>(b.toTensor().size(-1));
}

}  // namespace

double op_flop(const std::string& name, c10::ArrayRef<const c10::IValue> in) {
  if (name == "aten::convolution") return convolution(in);
  if (name == "aten::convolution_backward") return convolution_backward(in);
  if (name == "aten::mm" || name == "aten::bmm") return product(in[0], in[1]);
  if (name == "aten::addmm" || name == "aten::baddbmm") {
    return product(in[1], in[2]);
  }
  if (name == "mkldnn::_linear_pointwise") {
    return product(in[0], in[1].toTensor().t());
  }
  return 0.0;
}

}  // namespace shalab
