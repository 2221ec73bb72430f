#include "shalab/nn/residual.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/leaky_relu_backward.h>
#include <ATen/ops/mul.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "../operators.h"
#include "residual_formula.h"
#include "shalab/error.h"

namespace shalab {

namespace formula {

namespace {

at::Tensor residual_sum(const at::Tensor& x, const at::Tensor& dx,
                        double weight) {
  const at::Tensor scaled = at::mul(dx, weight);
  return x.scalar_type() == dx.scalar_type() && x.sizes() == dx.sizes()
             ? scaled.add_(x)
             : at::add(x, scaled);
}

}  // namespace

std::tuple<at::Tensor, at::Tensor> leaky_residual(const at::Tensor& x,
                                                  const at::Tensor& dx,
                                                  double weight, double slope,
                                                  bool with_sum) {
  at::Tensor sum = residual_sum(x, dx, weight);
  if (with_sum) return {sum, at::leaky_relu(sum, slope)};
  at::leaky_relu_(sum, slope);
  return {at::Tensor(), sum};
}

std::tuple<at::Tensor, at::Tensor> leaky_residual_backward(
    const at::Tensor& activated, const std::optional<at::Tensor>& to_sum,
    const at::Tensor& to_activated, double weight, double slope) {
  at::Tensor to_x = at::leaky_relu_backward(to_activated, activated, slope,
                                            /*self_is_result=*/true);
  if (to_sum.has_value() && to_sum->defined()) to_x = to_x.add_(*to_sum);
  return {to_x, at::mul(to_x, weight)};
}

}  // namespace formula

namespace nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

std::tuple<at::Tensor, at::Tensor> call_residual(const at::Tensor& x,
                                                 const at::Tensor& dx,
                                                 double weight, double slope,
                                                 bool with_sum) {
  static const auto residual = find_operator<decltype(formula::leaky_residual)>(
      "shalab::leaky_residual");
  return call_below_autograd(residual, x, dx, weight, slope, with_sum);
}

std::tuple<at::Tensor, at::Tensor> call_backward(
    const at::Tensor& activated, const std::optional<at::Tensor>& to_sum,
    const at::Tensor& to_activated, double weight, double slope) {
  static const auto residual_backward =
      find_operator<decltype(formula::leaky_residual_backward)>(
          "shalab::leaky_residual_backward");
  return call_below_autograd(residual_backward, activated, to_sum, to_activated,
                             weight, slope);
}

std::optional<at::Tensor> if_defined(const at::Tensor& x) {
  return x.defined() ? std::optional<at::Tensor>(x) : std::nullopt;
}

// Of both results, by operators that have a derivative themselves.
variable_list differentiable_gradients(const at::Tensor& activated,
                                       const at::Tensor& to_sum,
                                       const at::Tensor& to_activated,
                                       double weight, double slope) {
  at::Tensor to_x = to_sum;
  if (to_activated.defined()) {
    const at::Tensor through =
        at::leaky_relu_backward(to_activated, activated, slope, true);
    to_x = to_sum.defined() ? at::add(through, to_sum) : through;
  }
  return {to_x, at::mul(to_x, weight), {}, {}, {}};
}

// Keeps the activated value alone: it has the sign of the sum.
class LeakyResidualFunction
    : public torch::autograd::Function<LeakyResidualFunction> {
 public:
  static variable_list forward(AutogradContext* context, const Variable& x,
                               const Variable& dx, double weight, double slope,
                               bool with_sum) {
    const auto [sum, activated] = call_residual(x, dx, weight, slope, with_sum);
    context->set_materialize_grads(false);
    context->save_for_backward({activated});
    context->saved_data["weight"] = weight;
    context->saved_data["slope"] = slope;
    if (with_sum) return {activated, sum};
    return {activated};
  }

  static variable_list backward(AutogradContext* context,
                                variable_list gradients) {
    const double weight = context->saved_data["weight"].toDouble();
    const double slope = context->saved_data["slope"].toDouble();
    const at::Tensor activated = context->get_saved_variables()[0];
    const at::Tensor to_activated = gradients[0];
    const at::Tensor to_sum =
        gradients.size() > 1 ? gradients[1] : at::Tensor();
    if (!to_activated.defined() && !to_sum.defined()) {
      return {{}, {}, {}, {}, {}};
    }
    if (at::GradMode::is_enabled() || !to_activated.defined()) {
      return differentiable_gradients(activated, to_sum, to_activated, weight,
                                      slope);
    }
    const auto [to_x, to_dx] = call_backward(activated, if_defined(to_sum),
                                             to_activated, weight, slope);
    return {to_x, to_dx, {}, {}, {}};
  }
};

variable_list applied(const at::Tensor& x, const at::Tensor& dx, double weight,
                      double slope, bool with_sum) {
  SHALAB_CHECK(slope >= 0, "slope " + std::to_string(slope));
  return LeakyResidualFunction::apply(x, dx, weight, slope, with_sum);
}

}  // namespace

LeakyResidual leaky_residual(const at::Tensor& x, const at::Tensor& dx,
                             double weight, double slope) {
  const variable_list both = applied(x, dx, weight, slope, true);
  return {both[1], both[0]};
}

at::Tensor activated_residual(const at::Tensor& x, const at::Tensor& dx,
                              double weight, double slope) {
  return applied(x, dx, weight, slope, false)[0];
}

}  // namespace nn

TORCH_LIBRARY_FRAGMENT(shalab, library) {
  library.def(
      "leaky_residual(Tensor x, Tensor dx, float weight, float slope, "
      "bool with_sum) -> (Tensor, Tensor)",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::leaky_residual)));
  library.def(
      "leaky_residual_backward(Tensor activated, Tensor? to_sum, "
      "Tensor to_activated, float weight, float slope) -> (Tensor, Tensor)",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::leaky_residual_backward)));
}

}  // namespace shalab
