#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <limits>
#include <vector>

#include "latent_draw.h"
#include "latent_log_density.h"
#include "posterior_impl.h"
#include "shalab/error.h"

namespace shalab {
namespace {

// Uniform draws lie in (-1, 1): at -1 a Laplace draw would be infinite.
constexpr double kLeastUniform = std::numeric_limits<float>::epsilon() - 1.0;

// Of location 0 and scale 1.
at::Tensor standard_noise(Posterior::Family family, at::IntArrayRef shape,
                          const at::TensorOptions& options,
                          const std::optional<at::Generator>& generator) {
  const at::Tensor noise = at::empty(shape, options);
  if (family == Posterior::Family::normal) {
    return noise.normal_(0, 1, generator);
  }
  noise.uniform_(kLeastUniform, 1.0, generator);
  return (noise.sign() * at::log1p(-noise.abs())).neg_();
}

}  // namespace

at::Tensor component_log_prob(Posterior::Family family,
                              const at::Tensor& location,
                              const at::Tensor& spread, const at::Tensor& z) {
  if (family == Posterior::Family::dirac) {
    throw Error(ErrorKind::run, "a dirac posterior has no density",
                "choose an objective that needs none, or a fusion with a "
                "normal or laplace posterior");
  }
  const std::int64_t batch =
      location.size(1) == 1 ? z.size(-2) : location.size(1);
  const std::int64_t components[] = {location.size(0), batch, location.size(2)};
  std::vector<std::int64_t> shape = z.sizes().vec();
  shape[shape.size() - 2] = batch;
  const at::Tensor draws = z.expand(shape);
  shape.back() = batch;
  shape[shape.size() - 2] = location.size(0);
  return latent_log_density(
             family, z.dim() == 2 ? draws.unsqueeze(0) : draws.flatten(0, -3),
             location.expand(components), spread.expand(components))
      .view(shape);
}

at::Tensor simple_rsample(Posterior::Family family, const at::Tensor& location,
                          const at::Tensor& spread, at::IntArrayRef shape,
                          const std::optional<at::Generator>& generator) {
  if (family == Posterior::Family::dirac) return location.expand(shape);
  const at::Tensor noise =
      standard_noise(family, shape, location.options(), generator);
  return latent_draw(family, location, spread, noise);
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
