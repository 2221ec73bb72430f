#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "biased_leaky_relu.h"
#include "shalab/error.h"
#include "shalab/nn/layers.h"
#include "transposed_forms.h"

namespace shalab::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kThin = 4;     // channels, at most
constexpr std::int64_t kWide = 64;    // channels, at least
constexpr std::int64_t kRepeats = 4;  // of a place among the columns, at most
constexpr std::int64_t kLeastColumns = 16;  // channels

using Square = torch::ExpandingArray<2>;

bool is_square(const Square& pair) { return (*pair)[0] == (*pair)[1]; }

// Kernels and steps as Geometry has them.
template <typename Options>
bool is_plain(const Options& options) {
  const auto* padding = std::get_if<Square>(&options.padding());
  return padding != nullptr && is_square(*padding) &&
         is_square(options.kernel_size()) && is_square(options.stride()) &&
         is_square(options.output_padding()) && options.groups() == 1 &&
         *options.dilation() == *Square(1) &&
         std::holds_alternative<torch::enumtype::kZeros>(
             options.padding_mode());
}

template <typename Options>
bool has_forms(const at::Tensor& x, const Options& options) {
  return x.dim() == 4 && is_plain(options);
}

// 3 x 3 places, stride 1, one zero around.
template <typename Options>
bool keeps_size(const Options& options) {
  return (*options.kernel_size())[0] == 3 && (*options.stride())[0] == 1 &&
         (*std::get<Square>(options.padding()))[0] == 1;
}

template <typename Options>
Geometry geometry_of(const Options& options) {
  return {(*options.stride())[0], (*std::get<Square>(options.padding()))[0],
          (*options.output_padding())[0]};
}

bool columns_pay(const at::Tensor& x, const at::Tensor& weight,
                 std::int64_t stride) {
  const std::int64_t k = weight.size(2);
  return x.scalar_type() == at::kBFloat16 && k > 1 &&
         k * k <= kRepeats * stride * stride &&
         std::min(weight.size(0), weight.size(1)) >= kLeastColumns;
}

at::Tensor transposed(const at::Tensor& x, const at::Tensor& weight,
                      const at::Tensor& bias, const Geometry& geometry) {
  const std::int64_t s = geometry.stride, p = geometry.padding,
                     o = geometry.output_padding;
  if (weight.size(1) <= kThin && s > 1) {
    return transposed_by_phases(x, weight, bias, geometry);
  }
  if (weight.size(1) >= kWide) {
    return transposed_by_gradient(x, weight, bias, geometry);
  }
  return at::convolution(x, weight, bias, {s, s}, {p, p}, {1, 1}, true, {o, o},
                         1);
}

// A convolution, transposed or not, whose gradients are computed here.
class Convolution : public torch::autograd::Function<Convolution> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias,
                            bool is_transposed, const Geometry& geometry) {
    const std::int64_t s = geometry.stride, p = geometry.padding;
    context->save_for_backward({x, weight});
    context->saved_data["is_transposed"] = is_transposed;
    context->saved_data["has_bias"] = bias.has_value();
    context->saved_data["geometry"] =
        std::vector<std::int64_t>{s, p, geometry.output_padding};
    if (is_transposed)
      return transposed(x, weight, bias.value_or(at::Tensor()), geometry);
    return at::convolution(x, weight, bias, {s, s}, {p, p}, {1, 1}, false,
                           {0, 0}, 1);
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const bool is_transposed = context->saved_data["is_transposed"].toBool();
    const bool wants_bias = context->saved_data["has_bias"].toBool() &&
                            context->needs_input_grad(2);
    const auto numbers = context->saved_data["geometry"].toIntVector();
    const Geometry geometry{numbers[0], numbers[1], numbers[2]};
    const bool has_columns = columns_pay(x, weight, geometry.stride);
    const bool has_own_form = context->needs_input_grad(1) &&
                              !at::GradMode::is_enabled() &&
                              (has_columns || is_transposed);
    const std::array<bool, 3> wanted{
        context->needs_input_grad(0),
        context->needs_input_grad(1) && !has_own_form,
        wants_bias && !has_own_form};
    const std::int64_t s = numbers[0], p = numbers[1], o = numbers[2];
    const std::int64_t bias_size = weight.size(is_transposed ? 1 : 0);
    auto [to_x, to_weight, to_bias] = at::convolution_backward(
        gradients[0], x, weight, at::IntArrayRef(bias_size), {s, s}, {p, p},
        {1, 1}, is_transposed, {o, o}, 1, wanted);
    if (has_own_form) {
      const at::Tensor& small = is_transposed ? x : gradients[0];
      const at::Tensor& large = is_transposed ? gradients[0] : x;
      to_weight = has_columns ? weight_gradient_by_columns(
                                    small, large, weight.size(2), geometry)
                              : weight_gradient_by_convolution(
                                    small, large, weight, geometry);
      if (wants_bias) to_bias = gradients[0].sum(at::IntArrayRef{0, 2, 3});
    }
    return {to_x, to_weight, to_bias, {}, {}};
  }
};

struct Operands {
  at::Tensor x, weight, bias;
};

// As autocast would pass them to a convolution.
Operands cast(const Operands& in) {
  if (!at::autocast::is_autocast_enabled(at::kCPU)) return in;
  const auto type = at::autocast::get_autocast_dtype(at::kCPU);
  const auto one = [type](const at::Tensor& tensor) {
    return tensor.defined() ? at::autocast::cached_cast(type, tensor, at::kCPU)
                            : tensor;
  };
  return {one(in.x), one(in.weight), one(in.bias)};
}

at::Tensor convolved(const Operands& in, bool is_transposed,
                     const Geometry& geometry) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(
      c10::autocast_dispatch_keyset);
  return Convolution::apply(
      in.x, in.weight,
      in.bias.defined() ? std::optional(in.bias) : std::nullopt, is_transposed,
      geometry);
}

at::Tensor twice_as_large(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

// leaky_relu(convolve(bias)). A GPU adds a bias in a pass of its own, which
// may as well activate.
template <typename Convolve>
at::Tensor convolve_and_activate(const Convolve& convolve,
                                 const at::Tensor& bias, double slope) {
  SHALAB_CHECK(slope >= 0, "slope " + std::to_string(slope));
  if (!bias.defined() || !bias.is_cuda()) {
    return leaky_relu_in_place(convolve(bias), slope);
  }
  const at::Tensor y = convolve(at::Tensor());
  return biased_leaky_relu(y, bias.to(y.scalar_type()), slope);
}

}  // namespace

at::Tensor Conv2dImpl::convolve(const at::Tensor& x, const at::Tensor& added) {
  const Geometry geometry = geometry_of(options);
  Operands in{x, weight_shadow_.of(weight), added};
  if (x.is_cpu()) {
    in = cast(in);
    if (columns_pay(in.x, in.weight, geometry.stride)) {
      return convolved(in, false, geometry);
    }
  }
  const std::int64_t s = geometry.stride, p = geometry.padding;
  return at::conv2d(in.x, in.weight, in.bias, {s, s}, {p, p});
}

at::Tensor Conv2dImpl::convolve_upsampled(const at::Tensor& x,
                                          const at::Tensor& added) {
  const Operands in{x, upsampling_kernel(weight), added};
  const Geometry geometry{2, 1, 0};
  if (x.is_cpu()) return convolved(cast(in), true, geometry);
  return at::conv_transpose2d(in.x, in.weight, in.bias, {2, 2}, {1, 1});
}

at::Tensor Conv2dImpl::forward(const at::Tensor& x) {
  return has_forms(x, options) ? convolve(x, bias_shadow_.of(bias))
                               : torch::nn::Conv2dImpl::forward(x);
}

at::Tensor Conv2dImpl::forward_activated(const at::Tensor& x, double slope) {
  if (!has_forms(x, options)) {
    return convolve_and_activate([&](const auto&) { return forward(x); }, {},
                                 slope);
  }
  return convolve_and_activate(
      [&](const at::Tensor& added) { return convolve(x, added); },
      bias_shadow_.of(bias), slope);
}

at::Tensor Conv2dImpl::forward_upsampled(const at::Tensor& x) {
  return has_forms(x, options) && keeps_size(options)
             ? convolve_upsampled(x, bias_shadow_.of(bias))
             : forward(twice_as_large(x));
}

at::Tensor Conv2dImpl::forward_upsampled_activated(const at::Tensor& x,
                                                   double slope) {
  if (!has_forms(x, options) || !keeps_size(options)) {
    return forward_activated(twice_as_large(x), slope);
  }
  return convolve_and_activate(
      [&](const at::Tensor& added) { return convolve_upsampled(x, added); },
      bias_shadow_.of(bias), slope);
}

at::Tensor ConvTranspose2dImpl::convolve(const at::Tensor& x,
                                         const at::Tensor& added) {
  const Geometry geometry = geometry_of(options);
  const Operands in{x, weight_shadow_.of(weight), added};
  if (x.is_cpu()) return convolved(cast(in), true, geometry);
  const std::int64_t s = geometry.stride, p = geometry.padding,
                     o = geometry.output_padding;
  return at::conv_transpose2d(in.x, in.weight, in.bias, {s, s}, {p, p}, {o, o});
}

at::Tensor ConvTranspose2dImpl::forward(const at::Tensor& x) {
  return has_forms(x, options) ? convolve(x, bias_shadow_.of(bias))
                               : torch::nn::ConvTranspose2dImpl::forward(x);
}

at::Tensor ConvTranspose2dImpl::forward_activated(const at::Tensor& x,
                                                  double slope) {
  if (!has_forms(x, options)) {
    return convolve_and_activate([&](const auto&) { return forward(x); }, {},
                                 slope);
  }
  return convolve_and_activate(
      [&](const at::Tensor& added) { return convolve(x, added); },
      bias_shadow_.of(bias), slope);
}

}  // namespace shalab::nn
