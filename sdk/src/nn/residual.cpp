#include "shalab/nn/residual.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool2d_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/leaky_relu_backward.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/upsample_nearest2d_backward.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <sstream>

#include "../operators.h"
#include "residual_formula.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using nn::Resample;

constexpr std::int64_t kWindow[] = {3, 3};
constexpr std::int64_t kStride[] = {2, 2};
constexpr std::int64_t kPadding[] = {1, 1};

at::Tensor pooled(const at::Tensor& sum) {
  return at::avg_pool2d(sum, kWindow, kStride, kPadding);
}

at::Tensor upsampled(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

// To a sum of `sizes`, from the gradient to pooled(sum).
at::Tensor pooled_backward(const at::Tensor& gradient, at::IntArrayRef sizes) {
  const at::Tensor sum =
      at::empty(sizes, gradient.options(), gradient.suggest_memory_format());
  return at::avg_pool2d_backward(gradient, sum, kWindow, kStride, kPadding,
                                 /*ceil_mode=*/false,
                                 /*count_include_pad=*/true,
                                 /*divisor_override=*/std::nullopt);
}

// To x of `sizes` and to dx, from the gradient to what is activated.
std::tuple<at::Tensor, at::Tensor> gradients_of_terms(
    const at::Tensor& to_result, double weight, Resample resample,
    at::IntArrayRef sizes) {
  const at::Tensor to_sum = resample == Resample::average_pool
                                ? pooled_backward(to_result, sizes)
                                : to_result;
  const at::Tensor to_x = resample == Resample::upsample
                              ? at::upsample_nearest2d_backward(
                                    to_sum, {2 * sizes[2], 2 * sizes[3]}, sizes)
                              : to_sum;
  return {to_x, at::mul(to_sum, weight)};
}

at::Tensor residual_sum(const at::Tensor& x, const at::Tensor& dx,
                        double weight) {
  const at::Tensor scaled = at::mul(dx, weight);
  return x.scalar_type() == dx.scalar_type() && x.sizes() == dx.sizes()
             ? scaled.add_(x)
             : at::add(x, scaled);
}

}  // namespace

namespace formula {

std::tuple<at::Tensor, at::Tensor> leaky_residual(const at::Tensor& x,
                                                  const at::Tensor& dx,
                                                  double weight, double slope,
                                                  std::int64_t resample,
                                                  bool with_sum) {
  const auto kind = static_cast<Resample>(resample);
  at::Tensor sum =
      residual_sum(kind == Resample::upsample ? upsampled(x) : x, dx, weight);
  if (kind == Resample::average_pool) sum = pooled(sum);
  if (with_sum) return {sum, at::leaky_relu(sum, slope)};
  at::leaky_relu_(sum, slope);
  return {at::Tensor(), sum};
}

std::tuple<at::Tensor, at::Tensor> leaky_residual_backward(
    const at::Tensor& activated, const std::optional<at::Tensor>& to_sum,
    const at::Tensor& to_activated, double weight, double slope,
    std::int64_t resample, at::IntArrayRef sizes) {
  at::Tensor to_y = at::leaky_relu_backward(to_activated, activated, slope,
                                            /*self_is_result=*/true);
  if (to_sum.has_value() && to_sum->defined()) to_y = to_y.add_(*to_sum);
  return gradients_of_terms(to_y, weight, static_cast<Resample>(resample),
                            sizes);
}

}  // namespace formula

namespace nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// What a block's end is made with.
struct Terms {
  double weight = 0.0;
  double slope = 0.0;
  Resample resample = Resample::none;
  std::vector<std::int64_t> sizes;  // of x
};

std::tuple<at::Tensor, at::Tensor> call_residual(const at::Tensor& x,
                                                 const at::Tensor& dx,
                                                 const Terms& terms,
                                                 bool with_sum) {
  static const auto residual = find_operator<decltype(formula::leaky_residual)>(
      "shalab::leaky_residual");
  return call_below_autograd(residual, x, dx, terms.weight, terms.slope,
                             static_cast<std::int64_t>(terms.resample),
                             with_sum);
}

std::tuple<at::Tensor, at::Tensor> call_backward(
    const at::Tensor& activated, const std::optional<at::Tensor>& to_sum,
    const at::Tensor& to_activated, const Terms& terms) {
  static const auto residual_backward =
      find_operator<decltype(formula::leaky_residual_backward)>(
          "shalab::leaky_residual_backward");
  return call_below_autograd(residual_backward, activated, to_sum, to_activated,
                             terms.weight, terms.slope,
                             static_cast<std::int64_t>(terms.resample),
                             at::IntArrayRef(terms.sizes));
}

std::optional<at::Tensor> if_defined(const at::Tensor& x) {
  return x.defined() ? std::optional<at::Tensor>(x) : std::nullopt;
}

// Of both results, by operators that have a derivative themselves.
std::tuple<at::Tensor, at::Tensor> differentiable_gradients(
    const at::Tensor& activated, const at::Tensor& to_sum,
    const at::Tensor& to_activated, const Terms& terms) {
  at::Tensor to_y = to_sum;
  if (to_activated.defined()) {
    const at::Tensor through =
        at::leaky_relu_backward(to_activated, activated, terms.slope, true);
    to_y = to_sum.defined() ? at::add(through, to_sum) : through;
  }
  return gradients_of_terms(to_y, terms.weight, terms.resample, terms.sizes);
}

void keep(AutogradContext& context, const Terms& terms) {
  context.saved_data["weight"] = terms.weight;
  context.saved_data["slope"] = terms.slope;
  context.saved_data["resample"] = static_cast<std::int64_t>(terms.resample);
  context.saved_data["sizes"] = terms.sizes;
}

Terms kept(AutogradContext& context) {
  auto& data = context.saved_data;
  return {data["weight"].toDouble(), data["slope"].toDouble(),
          static_cast<Resample>(data["resample"].toInt()),
          data["sizes"].toIntVector()};
}

// Keeps the activated value alone: it has the sign of the sum.
class LeakyResidualFunction
    : public torch::autograd::Function<LeakyResidualFunction> {
 public:
  static variable_list forward(AutogradContext* context, const Variable& x,
                               const Variable& dx, const Terms& terms,
                               bool with_sum) {
    const auto [sum, activated] = call_residual(x, dx, terms, with_sum);
    context->set_materialize_grads(false);
    context->save_for_backward({activated});
    keep(*context, terms);
    if (with_sum) return {activated, sum};
    return {activated};
  }

  static variable_list backward(AutogradContext* context,
                                variable_list gradients) {
    const at::Tensor activated = context->get_saved_variables()[0];
    const at::Tensor to_activated = gradients[0];
    const at::Tensor to_sum =
        gradients.size() > 1 ? gradients[1] : at::Tensor();
    variable_list both(4);
    if (!to_activated.defined() && !to_sum.defined()) return both;
    const Terms terms = kept(*context);
    const bool by_formula =
        at::GradMode::is_enabled() || !to_activated.defined();
    std::tie(both[0], both[1]) =
        by_formula
            ? differentiable_gradients(activated, to_sum, to_activated, terms)
            : call_backward(activated, if_defined(to_sum), to_activated, terms);
    return both;
  }
};

std::string shapes(const at::Tensor& x, const at::Tensor& dx) {
  std::ostringstream text;
  text << "x " << x.sizes() << " and dx " << dx.sizes();
  return text.str();
}

void check_shapes(const at::Tensor& x, const at::Tensor& dx,
                  Resample resample) {
  if (resample == Resample::none) return;
  const std::int64_t times = resample == Resample::upsample ? 2 : 1;
  SHALAB_CHECK(x.dim() == 4 && dx.dim() == 4 &&
                   dx.size(2) == times * x.size(2) &&
                   dx.size(3) == times * x.size(3),
               shapes(x, dx));
}

variable_list applied(const at::Tensor& x, const at::Tensor& dx, double weight,
                      double slope, Resample resample, bool with_sum) {
  SHALAB_CHECK(slope >= 0, "slope " + std::to_string(slope));
  check_shapes(x, dx, resample);
  const Terms terms{weight, slope, resample, x.sizes().vec()};
  return LeakyResidualFunction::apply(x, dx, terms, with_sum);
}

}  // namespace

LeakyResidual leaky_residual(const at::Tensor& x, const at::Tensor& dx,
                             double weight, double slope, Resample resample) {
  const variable_list both = applied(x, dx, weight, slope, resample, true);
  return {both[1], both[0]};
}

at::Tensor activated_residual(const at::Tensor& x, const at::Tensor& dx,
                              double weight, double slope, Resample resample) {
  return applied(x, dx, weight, slope, resample, false)[0];
}

}  // namespace nn

TORCH_LIBRARY_FRAGMENT(shalab, library) {
  library.def(
      "leaky_residual(Tensor x, Tensor dx, float weight, float slope, "
      "int resample, bool with_sum) -> (Tensor, Tensor)",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::leaky_residual)));
  library.def(
      "leaky_residual_backward(Tensor activated, Tensor? to_sum, "
      "Tensor to_activated, float weight, float slope, int resample, "
      "int[] sizes) -> (Tensor, Tensor)",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::leaky_residual_backward)));
}

}  // namespace shalab
