#include "shalab/posterior.h"

#include <ATen/ATen.h>

#include "posterior_impl.h"
#include "precision.h"
#include "shalab/error.h"

namespace shalab {

namespace {

std::shared_ptr<Posterior::Impl> simple(Posterior::Family family,
                                        const at::Tensor& location,
                                        const at::Tensor& spread) {
  SHALAB_CHECK(
      location.dim() == 2,
      "posterior parameters must be [B, D], got " + c10::str(location.sizes()));
  auto impl = std::make_shared<Posterior::Impl>();
  impl->family = impl->simple = family;
  impl->location = at_least_fp32(location);
  if (!spread.defined()) return impl;
  SHALAB_CHECK(
      spread.sizes() == location.sizes(),
      "posterior parameters differ in shape: " + c10::str(location.sizes()) +
          " and " + c10::str(spread.sizes()));
  impl->spread = at_least_fp32(spread);
  return impl;
}

at::Tensor kl_normal(const Posterior::Impl& q, const Posterior::Impl& p) {
  const at::Tensor ratio = q.spread - p.spread;
  const at::Tensor shift =
      (q.location - p.location).square() * (-p.spread).exp();
  return 0.5 * (ratio.exp() + shift - 1 - ratio).sum(-1);
}

at::Tensor kl_laplace(const Posterior::Impl& q, const Posterior::Impl& p) {
  const at::Tensor gap = (q.location - p.location).abs();
  return ((p.spread / q.spread).log() - 1 +
          (q.spread * (-gap / q.spread).exp() + gap) / p.spread)
      .sum(-1);
}

at::Tensor mixture_log_prob(const Posterior::Impl& impl, const at::Tensor& z) {
  const at::Tensor by_component =
      component_log_prob(impl.simple, impl.location, impl.spread, z);
  return at::logsumexp(by_component + impl.log_weights, -2);
}

at::Tensor mixture_rsample(const Posterior::Impl& impl,
                           std::int64_t num_samples,
                           const std::optional<at::Generator>& generator) {
  const at::Tensor chosen =
      chosen_components(impl.log_weights, num_samples, impl.choice, generator);
  const std::int64_t shape[] = {num_samples, impl.location.size(1),
                                impl.location.size(2)};
  const at::Tensor index = chosen.unsqueeze(-1).expand(shape);
  const at::Tensor location = impl.location.gather(0, index);
  const at::Tensor spread =
      impl.spread.defined() ? impl.spread.gather(0, index) : at::Tensor();
  return simple_rsample(impl.simple, location, spread, shape, generator);
}

void check_component(const Posterior& component, const Posterior& first) {
  SHALAB_CHECK(component.family() != Posterior::Family::mixture &&
                   component.family() == first.family(),
               "components of a mixture must share one simple family");
  SHALAB_CHECK(component.mean().sizes() == first.mean().sizes(),
               "components of a mixture must share one shape: " +
                   c10::str(first.mean().sizes()) + " and " +
                   c10::str(component.mean().sizes()));
}

}  // namespace

Posterior::Posterior(std::shared_ptr<const Impl> impl)
    : impl_(std::move(impl)) {}

Posterior Posterior::normal(at::Tensor mean, at::Tensor log_var) {
  return Posterior(simple(Family::normal, mean, log_var));
}

Posterior Posterior::laplace(at::Tensor location, at::Tensor scale) {
  return Posterior(simple(Family::laplace, location, scale));
}

Posterior Posterior::dirac(at::Tensor value) {
  return Posterior(simple(Family::dirac, value, {}));
}

Posterior Posterior::mixture(at::Tensor log_weights,
                             std::vector<Posterior> components, Choice choice) {
  SHALAB_CHECK(!components.empty(), "a mixture of no components");
  const Posterior& first = components.front();
  std::vector<at::Tensor> locations;
  std::vector<at::Tensor> spreads;
  for (const Posterior& component : components) {
    check_component(component, first);
    locations.push_back(component.impl_->location);
    spreads.push_back(component.impl_->spread);
  }
  const std::int64_t shape[] = {static_cast<std::int64_t>(components.size()),
                                first.impl_->location.size(0)};
  SHALAB_CHECK(log_weights.sizes() == at::IntArrayRef(shape),
               "log_weights must be " + c10::str(at::IntArrayRef(shape)) +
                   ", got " + c10::str(log_weights.sizes()));
  auto impl = std::make_shared<Impl>();
  impl->family = Family::mixture;
  impl->simple = first.family();
  impl->location = at::stack(locations);
  if (spreads.front().defined()) impl->spread = at::stack(spreads);
  impl->log_weights = at_least_fp32(log_weights);
  impl->choice = choice;
  return Posterior(impl);
}

Posterior Posterior::mixture_of_rows(at::Tensor log_weights,
                                     const Posterior& rows, Choice choice) {
  SHALAB_CHECK(rows.family() != Family::mixture, "rows that are mixtures");
  SHALAB_CHECK(log_weights.dim() == 2 &&
                   log_weights.numel() == rows.impl_->location.size(0),
               "log_weights " + c10::str(log_weights.sizes()) + " of " +
                   std::to_string(rows.impl_->location.size(0)) + " rows");
  const std::int64_t shape[] = {log_weights.size(0), log_weights.size(1), -1};
  auto impl = std::make_shared<Impl>();
  impl->family = Family::mixture;
  impl->simple = rows.family();
  impl->choice = choice;
  impl->log_weights = at_least_fp32(log_weights);
  impl->location = rows.impl_->location.reshape(shape);
  if (rows.impl_->spread.defined()) {
    impl->spread = rows.impl_->spread.reshape(shape);
  }
  return Posterior(impl);
}

at::Tensor Posterior::rsample(
    std::int64_t num_samples,
    const std::optional<at::Generator>& generator) const {
  SHALAB_CHECK(num_samples >= 1, std::to_string(num_samples) + " draws");
  if (impl_->family == Family::mixture) {
    return mixture_rsample(*impl_, num_samples, generator);
  }
  const std::int64_t shape[] = {num_samples, impl_->location.size(0),
                                impl_->location.size(1)};
  return simple_rsample(impl_->family, impl_->location, impl_->spread, shape,
                        generator);
}

at::Tensor Posterior::log_prob(const at::Tensor& z) const {
  SHALAB_CHECK(z.dim() >= 2 && z.size(-1) == impl_->location.size(-1),
               "z must be [..., B, " +
                   std::to_string(impl_->location.size(-1)) + "], got " +
                   c10::str(z.sizes()));
  if (impl_->family == Family::mixture) return mixture_log_prob(*impl_, z);
  const auto row = [](const at::Tensor& x) {
    return x.defined() ? x.unsqueeze(0) : x;
  };
  return component_log_prob(impl_->family, row(impl_->location),
                            row(impl_->spread), z)
      .squeeze(-2);
}

std::optional<at::Tensor> Posterior::kl_to(const Posterior& other) const {
  if (impl_->family != other.impl_->family) return std::nullopt;
  if (impl_->family == Family::normal) return kl_normal(*impl_, *other.impl_);
  if (impl_->family == Family::laplace) {
    return kl_laplace(*impl_, *other.impl_);
  }
  return std::nullopt;
}

at::Tensor Posterior::mean() const {
  if (impl_->family != Family::mixture) return impl_->location;
  return (impl_->log_weights.exp().unsqueeze(-1) * impl_->location).sum(0);
}

at::Tensor Posterior::variance() const {
  const at::Tensor own =
      simple_variance(impl_->simple, impl_->location, impl_->spread);
  if (impl_->family != Family::mixture) return own;
  const at::Tensor shift = impl_->location - mean();
  const at::Tensor weights = impl_->log_weights.exp().unsqueeze(-1);
  return (weights * (own + shift.square())).sum(0);
}

Posterior::Family Posterior::family() const { return impl_->family; }

std::vector<Posterior> Posterior::components() const {
  if (impl_->family != Family::mixture) return {*this};
  return components_of(*impl_);
}

at::Tensor Posterior::log_weights() const {
  if (impl_->family == Family::mixture) return impl_->log_weights;
  return at::zeros({1, impl_->location.size(0)}, impl_->location.options());
}

Posterior Posterior::rows() const {
  if (impl_->family != Family::mixture) return *this;
  return Posterior(simple(
      impl_->simple, impl_->location.flatten(0, 1),
      impl_->spread.defined() ? impl_->spread.flatten(0, 1) : at::Tensor()));
}

Posterior Posterior::heaviest() const {
  if (impl_->family != Family::mixture) return *this;
  const std::int64_t shape[] = {1, impl_->location.size(1),
                                impl_->location.size(2)};
  const at::Tensor index =
      impl_->log_weights.argmax(0).view({1, -1, 1}).expand(shape);
  const auto picked = [&](const at::Tensor& x) {
    return x.defined() ? x.gather(0, index).squeeze(0) : x;
  };
  return Posterior(
      simple(impl_->simple, picked(impl_->location), picked(impl_->spread)));
}

Posterior Posterior::repeated(std::int64_t times) const {
  const std::vector<std::int64_t> shape =
      impl_->family == Family::mixture ? std::vector<std::int64_t>{1, times, 1}
                                       : std::vector<std::int64_t>{times, 1};
  return mapped([&shape](const at::Tensor& x) { return x.repeat(shape); },
                [times](const at::Tensor& x) {
                  return x.repeat({1, times});
                });
}

Posterior Posterior::detached() const {
  const auto cut = [](const at::Tensor& x) { return x.detach(); };
  return mapped(cut, cut);
}

Posterior Posterior::mapped(const TensorMap& of_parameters,
                            const TensorMap& of_weights) const {
  auto impl = std::make_shared<Impl>(*impl_);
  impl->location = of_parameters(impl->location);
  if (impl->spread.defined()) impl->spread = of_parameters(impl->spread);
  if (impl->family == Family::mixture) {
    impl->log_weights = of_weights(impl->log_weights);
  }
  return Posterior(impl);
}

std::vector<Posterior> Posterior::components_of(const Impl& impl) {
  std::vector<Posterior> components;
  for (std::int64_t c = 0; c < impl.location.size(0); ++c) {
    const at::Tensor spread =
        impl.spread.defined() ? impl.spread.select(0, c) : at::Tensor();
    components.push_back(
        Posterior(simple(impl.simple, impl.location.select(0, c), spread)));
  }
  return components;
}

const at::Tensor& Posterior::log_var() const {
  SHALAB_CHECK(impl_->family == Family::normal,
               "log_var of a posterior that is not normal");
  return impl_->spread;
}

}  // namespace shalab
