#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "posterior_impl.h"
#include "shalab/error.h"

namespace shalab {
namespace {

// Uniform draws lie in (-1, 1): at -1 a Laplace draw would be infinite.
constexpr double kLeastUniform = std::numeric_limits<float>::epsilon() - 1.0;

}  // namespace

at::Tensor simple_log_prob(Posterior::Family family, const at::Tensor& location,
                           const at::Tensor& spread, const at::Tensor& z) {
  const at::Tensor error = z - location;
  switch (family) {
    case Posterior::Family::normal:
      return -0.5 * (error.square() * (-spread).exp() + spread +
                     std::log(2 * std::numbers::pi))
                        .sum(-1);
    case Posterior::Family::laplace:
      return -(error.abs() / spread + (2 * spread).log()).sum(-1);
    default:
      throw Error(ErrorKind::run, "a dirac posterior has no density",
                  "choose an objective that needs none, or a fusion with a "
                  "normal or laplace posterior");
  }
}

at::Tensor simple_rsample(Posterior::Family family, const at::Tensor& location,
                          const at::Tensor& spread, at::IntArrayRef shape,
                          const std::optional<at::Generator>& generator) {
  const auto noise = [&] { return at::empty(shape, location.options()); };
  switch (family) {
    case Posterior::Family::normal:
      return location + (0.5 * spread).exp() * noise().normal_(0, 1, generator);
    case Posterior::Family::laplace: {
      const at::Tensor side = noise().uniform_(kLeastUniform, 1.0, generator);
      return location - spread * (side.sign() * at::log1p(-side.abs()));
    }
    default:
      return location.expand(shape);
  }
}

at::Tensor simple_variance(Posterior::Family family, const at::Tensor& location,
                           const at::Tensor& spread) {
  switch (family) {
    case Posterior::Family::normal:
      return spread.exp();
    case Posterior::Family::laplace:
      return 2 * spread.square();
    default:
      return at::zeros_like(location);
  }
}

at::Tensor chosen_components(const at::Tensor& log_weights,
                             std::int64_t num_samples, Posterior::Choice choice,
                             const std::optional<at::Generator>& generator) {
  const at::NoGradGuard no_grad;
  const std::int64_t num_components = log_weights.size(0);
  const std::int64_t batch = log_weights.size(1);
  const auto uniform = [&] {
    return at::empty({num_samples, batch}, log_weights.options())
        .uniform_(0, 1, generator);
  };
  at::Tensor point = uniform();
  if (choice == Posterior::Choice::stratified) {
    const at::Tensor order = point.argsort(-1, false);
    point = (order + uniform()) / static_cast<double>(batch);
  }
  const at::Tensor weights = log_weights.exp();
  const at::Tensor below = weights.cumsum(0).unsqueeze(1) <= point;
  const auto options = log_weights.options().dtype(at::kLong);
  const at::Tensor last =
      at::where(weights > 0, at::arange(num_components, options).unsqueeze(1),
                0)
          .amax(0);
  return at::minimum(below.sum(0), last);
}

}  // namespace shalab
