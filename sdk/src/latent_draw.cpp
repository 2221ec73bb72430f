#include "latent_draw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "operators.h"

namespace shalab {

namespace {

using Family = Posterior::Family;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor summed_to(const at::Tensor& x, const at::Tensor& shape) {
  return x.dim() == shape.dim() ? x : x.sum(0);
}

class LatentDraw : public torch::autograd::Function<LatentDraw> {
 public:
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& location,
                            const at::Tensor& spread, const at::Tensor& noise,
                            std::int64_t family) {
    context->save_for_backward({spread, noise});
    context->saved_data["family"] = family;
    static const auto draw =
        find_operator<decltype(formula::latent_draw)>("shalab::latent_draw");
    return call_below_autograd(draw, location, spread, noise, family);
  }

  static variable_list backward(AutogradContext* context,
                                variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::int64_t family = context->saved_data["family"].toInt();
    static const auto call =
        find_operator<decltype(formula::latent_draw_backward)>(
            "shalab::latent_draw_backward");
    const auto [location, spread] =
        at::GradMode::is_enabled()
            ? formula::latent_draw_backward(saved[0], saved[1], gradients[0],
                                            family)
            : call_below_autograd(call, saved[0], saved[1], gradients[0],
                                  family);
    return {location, spread, {}, {}};
  }
};

}  // namespace

at::Tensor latent_draw(Family family, const at::Tensor& location,
                       const at::Tensor& spread, const at::Tensor& noise) {
  return LatentDraw::apply(location, spread, noise,
                           static_cast<std::int64_t>(family));
}

namespace formula {

at::Tensor latent_draw(const at::Tensor& location, const at::Tensor& spread,
                       const at::Tensor& noise, std::int64_t family) {
  const bool is_laplace = static_cast<Family>(family) == Family::laplace;
  return at::addcmul(location, is_laplace ? spread : (0.5 * spread).exp_(),
                     noise);
}

std::tuple<at::Tensor, at::Tensor> latent_draw_backward(
    const at::Tensor& spread, const at::Tensor& noise,
    const at::Tensor& gradient, std::int64_t family) {
  const bool is_laplace = static_cast<Family>(family) == Family::laplace;
  const at::Tensor to_scale = summed_to(gradient * noise, spread);
  return {summed_to(gradient, spread),
          is_laplace ? to_scale : to_scale * (0.5 * spread).exp() * 0.5};
}

}  // namespace formula

TORCH_LIBRARY_FRAGMENT(shalab, library) {
  library.def(
      "latent_draw(Tensor location, Tensor spread, Tensor noise, int family) "
      "-> Tensor",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::latent_draw)));
  library.def(
      "latent_draw_backward(Tensor spread, Tensor noise, Tensor gradient, "
      "int family) -> (Tensor, Tensor)",
      torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                      TORCH_FN(formula::latent_draw_backward)));
}

}  // namespace shalab
