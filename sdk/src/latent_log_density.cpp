#include "latent_log_density.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <numbers>

#include "operators.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Family = Posterior::Family;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What the distance is lessened by, [C, B].
at::Tensor normaliser(Family family, const at::Tensor& spread) {
  if (family == Family::laplace) return (2 * spread).log().sum(-1);
  const double constant = 0.5 * std::log(2 * std::numbers::pi) *
                          static_cast<double>(spread.size(-1));
  return 0.5 * spread.sum(-1) + constant;
}

// Of log q by location, [S, C, B, D].
at::Tensor slope(Family family, const at::Tensor& error,
                 const at::Tensor& spread) {
  if (family == Family::laplace) return error.sgn() / spread;
  return error * (-spread).exp();
}

class LatentLogDensity : public torch::autograd::Function<LatentLogDensity> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& z,
                            const at::Tensor& location,
                            const at::Tensor& spread, std::int64_t family) {
    context->save_for_backward({z, location, spread});
    context->saved_data["family"] = family;
    static const auto density =
        find_operator<decltype(formula::latent_log_density)>(
            "shalab::latent_log_density");
    return call_below_autograd(density, z, location, spread, family);
  }

  static variable_list backward(AutogradContext* context,
                                variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::int64_t family = context->saved_data["family"].toInt();
    const bool wants_z = context->needs_input_grad(0);
    const bool wants_components =
        context->needs_input_grad(1) || context->needs_input_grad(2);
    static const auto call =
        find_operator<decltype(formula::latent_log_density_backward)>(
            "shalab::latent_log_density_backward");
    variable_list all(4);
    std::tie(all[0], all[1], all[2]) =
        at::GradMode::is_enabled()
            ? formula::latent_log_density_backward(saved[0], saved[1], saved[2],
                                                   gradients[0], family,
                                                   wants_z, wants_components)
            : call_below_autograd(call, saved[0], saved[1], saved[2],
                                  gradients[0], family, wants_z,
                                  wants_components);
    return all;
  }
};

}  // namespace

at::Tensor latent_log_density(Family family, const at::Tensor& z,
                              const at::Tensor& location,
                              const at::Tensor& spread) {
  SHALAB_CHECK(family == Family::normal || family == Family::laplace,
               "a family without a density");
  SHALAB_CHECK(z.dim() == 3 && location.dim() == 3 &&
                   location.sizes().slice(1) == z.sizes().slice(1) &&
                   location.sizes() == spread.sizes(),
               "z " + c10::str(z.sizes()) + ", location " +
                   c10::str(location.sizes()) + ", spread " +
                   c10::str(spread.sizes()));
  return LatentLogDensity::apply(z, location, spread,
                                 static_cast<std::int64_t>(family));
}

namespace formula {

at::Tensor latent_log_density(const at::Tensor& z, const at::Tensor& location,
                              const at::Tensor& spread, std::int64_t family) {
  const auto kind = static_cast<Family>(family);
  at::Tensor error = z.unsqueeze(1) - location;
  const at::Tensor distance =
      kind == Family::laplace
          ? at::linalg_vector_norm(error.div_(spread), 1, -1).neg_()
          : at::linalg_vector_norm(error.mul_((-0.5 * spread).exp()), 2, -1)
                .square_()
                .mul_(-0.5);
  return distance - normaliser(kind, spread);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> latent_log_density_backward(
    const at::Tensor& z, const at::Tensor& location, const at::Tensor& spread,
    const at::Tensor& gradient, std::int64_t family, bool wants_z,
    bool wants_components) {
  const auto kind = static_cast<Family>(family);
  const at::Tensor error = z.unsqueeze(1) - location;
  const at::Tensor by_error =
      slope(kind, error, spread) * gradient.unsqueeze(-1);
  const at::Tensor to_z = wants_z ? -by_error.sum(1) : at::Tensor();
  if (!wants_components) return {to_z, at::Tensor(), at::Tensor()};
  const at::Tensor excess =
      (by_error * error).sum(0) - gradient.sum(0).unsqueeze(-1);
  return {to_z, by_error.sum(0),
          kind == Family::laplace ? excess / spread : 0.5 * excess};
}

}  // namespace formula

TORCH_LIBRARY_FRAGMENT(shalab, library) {
  library.def(
      "latent_log_density(Tensor z, Tensor location, Tensor spread, "
      "int family) -> Tensor",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::latent_log_density)));
  library.def(
      "latent_log_density_backward(Tensor z, Tensor location, Tensor spread, "
      "Tensor gradient, int family, bool wants_z, bool wants_components) "
      "-> (Tensor, Tensor, Tensor)",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::latent_log_density_backward)));
}

}  // namespace shalab
