#include "fused_likelihood.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <numeric>
#include <vector>

#include "operators.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Family = Likelihood::Family;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::vector<std::int64_t> last_dims(std::int64_t count) {
  std::vector<std::int64_t> dims(static_cast<std::size_t>(count));
  std::iota(dims.begin(), dims.end(), -count);
  return dims;
}

at::Tensor summed(Family family, const at::Tensor& parameters,
                  const at::Tensor& x, std::int64_t event_dims, double factor) {
  const std::vector<std::int64_t> dims = last_dims(event_dims);
  if (family == Family::bernoulli) {
    const at::Tensor sum =
        (x * parameters).sub_(at::softplus(parameters)).sum(dims);
    return factor == 1 ? sum : sum.mul_(factor);
  }
  const at::Tensor error = x - parameters;
  if (family == Family::laplace) {
    return at::linalg_vector_norm(error, 1, dims).mul_(-factor);
  }
  return at::linalg_vector_norm(error, 2, dims).square_().mul_(-0.5 * factor);
}

// Of one event by its parameters: x - m, sgn(x - m), x - sigmoid(m).
at::Tensor slope(Family family, const at::Tensor& parameters,
                 const at::Tensor& x) {
  if (family == Family::bernoulli) return x - at::sigmoid(parameters);
  const at::Tensor error = x - parameters;
  if (family == Family::normal) return error;
  return at::GradMode::is_enabled() ? error.sgn() : error.sgn_();
}

at::Tensor by_row(const at::Tensor& gradient, std::int64_t event_dims) {
  std::vector<std::int64_t> shape = gradient.sizes().vec();
  shape.insert(shape.end(), static_cast<std::size_t>(event_dims), 1);
  return gradient.reshape(shape);
}

at::Tensor scaled(const at::Tensor& gradient, double factor) {
  return factor == 1 ? gradient : gradient * factor;
}

// How events are summed.
struct Sum {
  Family family = Family::normal;
  std::int64_t event_dims = 1;
  double factor = 1.0;
  double shift = 0.0;
};

void keep(AutogradContext& context, const Sum& sum) {
  context.saved_data["family"] = static_cast<std::int64_t>(sum.family);
  context.saved_data["event_dims"] = sum.event_dims;
  context.saved_data["factor"] = sum.factor;
}

// What the derivative depends on.
Sum kept(AutogradContext& context) {
  auto& data = context.saved_data;
  return {static_cast<Family>(data["family"].toInt()),
          data["event_dims"].toInt(), data["factor"].toDouble()};
}

at::Tensor call_density(const at::Tensor& parameters, const at::Tensor& x,
                        const Sum& sum) {
  static const auto density =
      find_operator<decltype(formula::event_log_density)>(
          "shalab::event_log_density");
  return call_below_autograd(density, parameters, x,
                             static_cast<std::int64_t>(sum.family),
                             sum.event_dims, sum.factor, sum.shift);
}

at::Tensor call_slope(const at::Tensor& parameters, const at::Tensor& x,
                      const at::Tensor& gradient, const Sum& sum) {
  static const auto slope_by_row =
      find_operator<decltype(formula::event_log_density_slope)>(
          "shalab::event_log_density_slope");
  return call_below_autograd(slope_by_row, parameters, x, gradient,
                             static_cast<std::int64_t>(sum.family),
                             sum.event_dims, sum.factor);
}

class EventLogDensity : public torch::autograd::Function<EventLogDensity> {
 public:
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& parameters, const at::Tensor& x,
                            const Sum& sum) {
    context->save_for_backward({parameters, x});
    keep(*context, sum);
    return call_density(parameters, x, sum);
  }

  static variable_list backward(AutogradContext* context,
                                variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Sum sum = kept(*context);
    if (!at::GradMode::is_enabled()) {
      return {call_slope(saved[0], saved[1], gradients[0], sum), {}, {}};
    }
    const at::Tensor own = slope(sum.family, saved[0], saved[1]);
    return {
        own * by_row(scaled(gradients[0], sum.factor), sum.event_dims), {}, {}};
  }
};

// The layout of m, so that both are read in one order.
at::Tensor laid_out_as(const at::Tensor& x, const at::Tensor& parameters) {
  if (x.dim() != 4 || parameters.dim() < 4) return x;
  const at::Tensor last =
      parameters.dim() == 4 ? parameters : parameters.flatten(0, -4);
  return x.contiguous(last.suggest_memory_format());
}

}  // namespace

at::Tensor event_log_density(Family family, const at::Tensor& parameters,
                             const at::Tensor& x, int event_dims, double factor,
                             double shift) {
  SHALAB_CHECK(family != Family::categorical, "categorical has no event mean");
  return EventLogDensity::apply(parameters, laid_out_as(x, parameters),
                                Sum{family, event_dims, factor, shift});
}

namespace formula {

at::Tensor event_log_density(const at::Tensor& parameters, const at::Tensor& x,
                             std::int64_t family, std::int64_t event_dims,
                             double factor, double shift) {
  const at::Tensor sum =
      summed(static_cast<Family>(family), parameters, x, event_dims, factor);
  return shift == 0 ? sum : sum.sub_(shift);
}

at::Tensor event_log_density_slope(const at::Tensor& parameters,
                                   const at::Tensor& x,
                                   const at::Tensor& gradient,
                                   std::int64_t family, std::int64_t event_dims,
                                   double factor) {
  const at::NoGradGuard no_grad;
  return slope(static_cast<Family>(family), parameters, x)
      .mul_(by_row(scaled(gradient, factor), event_dims));
}

}  // namespace formula

TORCH_LIBRARY_FRAGMENT(shalab, library) {
  library.def(
      "event_log_density(Tensor parameters, Tensor x, int family, "
      "int event_dims, float factor, float shift) -> Tensor",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::event_log_density)));
  library.def(
      "event_log_density_slope(Tensor parameters, Tensor x, Tensor gradient, "
      "int family, int event_dims, float factor) -> Tensor",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::event_log_density_slope)));
}

}  // namespace shalab
