#include "biased_leaky_relu.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/leaky_relu_backward.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/threshold_backward.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <sstream>
#include <vector>

#include "../operators.h"
#include "shalab/error.h"

namespace shalab {

namespace {

// To what was activated; differentiable again.
at::Tensor through_leaky_relu(const at::Tensor& activated,
                              const at::Tensor& gradient, double slope) {
  return slope == 0 ? at::threshold_backward(gradient, activated, 0)
                    : at::leaky_relu_backward(gradient, activated, slope,
                                              /*self_is_result=*/true);
}

at::Tensor sum_by_channel(const at::Tensor& x) {
  std::vector<std::int64_t> others;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (d != 1) others.push_back(d);
  }
  return x.sum(others);
}

}  // namespace

namespace formula {

at::Tensor biased_leaky_relu(const at::Tensor& x, const at::Tensor& bias,
                             double slope) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[1] = bias.size(0);
  return nn::leaky_relu_in_place(at::add(x, bias.view(shape)), slope);
}

std::tuple<at::Tensor, at::Tensor> biased_leaky_relu_backward(
    const at::Tensor& activated, const at::Tensor& gradient, double slope) {
  const at::Tensor to_x = through_leaky_relu(activated, gradient, slope);
  return {to_x, sum_by_channel(to_x)};
}

}  // namespace formula

namespace nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

std::tuple<at::Tensor, at::Tensor> biased_gradients(const at::Tensor& activated,
                                                    const at::Tensor& gradient,
                                                    double slope) {
  static const auto backward =
      find_operator<decltype(formula::biased_leaky_relu_backward)>(
          "shalab::biased_leaky_relu_backward");
  return call_below_autograd(backward, activated, gradient, slope);
}

// Keeps the activated value alone: it has the sign of the sum.
class BiasedLeakyReluFunction
    : public torch::autograd::Function<BiasedLeakyReluFunction> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& bias, double slope) {
    static const auto activate =
        find_operator<decltype(formula::biased_leaky_relu)>(
            "shalab::biased_leaky_relu");
    const at::Tensor activated = call_below_autograd(activate, x, bias, slope);
    context->save_for_backward({activated});
    context->saved_data["slope"] = slope;
    return activated;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const at::Tensor activated = context->get_saved_variables()[0];
    const double slope = context->saved_data["slope"].toDouble();
    const bool wants_bias = context->needs_input_grad(1);
    at::Tensor to_x, to_bias;
    if (wants_bias && !at::GradMode::is_enabled()) {
      std::tie(to_x, to_bias) =
          biased_gradients(activated, gradients[0], slope);
    } else {
      to_x = through_leaky_relu(activated, gradients[0], slope);
      if (wants_bias) to_bias = sum_by_channel(to_x);
    }
    return {to_x, to_bias, {}};
  }
};

std::string bias_and_slope(const at::Tensor& x, const at::Tensor& bias,
                           double slope) {
  std::ostringstream text;
  text << "x " << x.sizes() << ", bias " << bias.sizes() << ", slope " << slope;
  return text.str();
}

}  // namespace

at::Tensor biased_leaky_relu(const at::Tensor& x, const at::Tensor& bias,
                             double slope) {
  SHALAB_CHECK(slope >= 0 && x.dim() >= 2 && bias.dim() == 1 &&
                   bias.size(0) == x.size(1) &&
                   bias.scalar_type() == x.scalar_type(),
               bias_and_slope(x, bias, slope));
  return BiasedLeakyReluFunction::apply(x, bias, slope);
}

at::Tensor leaky_relu_in_place(at::Tensor x, double slope) {
  if (x.is_view()) return slope == 0 ? at::relu(x) : at::leaky_relu(x, slope);
  return slope == 0 ? at::relu_(x) : at::leaky_relu_(x, slope);
}

}  // namespace nn

TORCH_LIBRARY_FRAGMENT(shalab, library) {
  library.def("biased_leaky_relu(Tensor x, Tensor bias, float slope) -> Tensor",
              torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                              TORCH_FN(formula::biased_leaky_relu)));
  library.def(
      "biased_leaky_relu_backward(Tensor activated, Tensor gradient, "
      "float slope) -> (Tensor, Tensor)",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::biased_leaky_relu_backward)));
}

}  // namespace shalab
