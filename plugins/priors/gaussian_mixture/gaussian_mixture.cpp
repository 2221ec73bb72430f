// A mixture of Gaussians over the latent, fitted by EM to one draw of the
// aggregate posterior: the control that a learned prior must beat.
//
// Everything is double, on standardised latents y = (z - m) / s; only the ends
// of fit(), log_prob() and sample() see z.

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "expectation_maximisation.h"
#include "mixture.h"
#include "shalab/error.h"
#include "shalab/nn/latent_moments.h"
#include "shalab/prior.h"

namespace shalab::gaussian_mixture {
namespace {

class GaussianMixture : public Prior {
 public:
  GaussianMixture(const Options& options, const PriorContext& context)
      : Prior(context), options_(options) {
    const auto k = options.components, d = context.latent;
    const auto real = at::TensorOptions(at::kDouble);
    const auto scale = options.is_full ? at::eye(d, real).repeat({k, 1, 1})
                                       : at::ones({k, d}, real);
    mixture_.weights =
        register_buffer("weights", at::full({k}, 1.0 / double(k), real));
    mixture_.means = register_buffer("means", at::zeros({k, d}, real));
    mixture_.scale = register_buffer("scale", scale);
    latent_.mean = register_buffer("latent_mean", at::zeros({d}, real));
    latent_.deviation =
        register_buffer("latent_deviation", at::ones({d}, real));
  }

  PriorTraits traits() const override {
    PriorTraits traits;
    traits.density = PriorTraits::Density::normalised;
    traits.fitting = PriorTraits::Fitting::at_once;
    return traits;
  }

  std::string generation(bool) const override {
    return "exact components=" + std::to_string(options_.components) +
           (options_.is_full ? " full" : " diagonal");
  }

  void fit(const LatentSet& latents, const Services& services,
           at::Generator& generator) override {
    const at::NoGradGuard no_grad;
    check_enough(latents);
    if (options_.standardises) {
      const auto moments = nn::aggregate_moments(latents);
      latent_.mean.copy_(moments.mean);
      latent_.deviation.copy_(moments.deviation);
    }
    ExpectationMaximisation em(options_, samples_of(latents, generator),
                               generator);
    store(em.start());
    double previous = -std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < options_.iterations; ++i) {
      if (services.cancel && services.cancel->cancelled()) return;
      const auto [mixture, log_likelihood] = em.improved(mixture_);
      store(mixture);
      if (services.progress) {
        services.progress->report("EM iterations", i + 1, options_.iterations);
      }
      if (std::abs(log_likelihood - previous) < options_.tolerance) return;
      previous = log_likelihood;
    }
  }

 protected:
  at::Tensor do_log_prob(const at::Tensor& z) override {
    const ComponentDensity density(mixture_);
    const auto y = (z.to(at::kDouble) - latent_.mean) / latent_.deviation;
    std::vector<at::Tensor> parts;
    for (const auto& rows : y.reshape({-1, z.size(-1)}).split(kRowsAtOnce)) {
      parts.push_back(at::logsumexp(density(rows), 1));
    }
    const auto jacobian = latent_.deviation.log().sum();
    return (at::cat(parts) - jacobian)
        .view(z.sizes().slice(0, z.dim() - 1))
        .to(z.scalar_type());
  }

  Draw do_sample(std::int64_t n, at::Generator& generator) override {
    const auto component =
        at::multinomial(mixture_.weights, n, /*replacement=*/true, generator);
    const auto noise =
        at::randn({n, context().latent}, generator, mixture_.means.options());
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < n; first += kRowsAtOnce) {
      const auto count = std::min(kRowsAtOnce, n - first);
      const auto k = component.narrow(0, first, count);
      const auto scale = mixture_.scale.index_select(0, k);
      const auto e = noise.narrow(0, first, count);
      const auto deviation = mixture_.is_full()
                                 ? at::matmul(scale, e.unsqueeze(2)).squeeze(2)
                                 : scale * e;
      parts.push_back(mixture_.means.index_select(0, k) + deviation);
    }
    const auto z = at::cat(parts) * latent_.deviation + latent_.mean;
    return {z.to(at::kFloat), 0};
  }

 private:
  void check_enough(const LatentSet& latents) const {
    SHALAB_CHECK(
        latents.mean.dim() == 2 && latents.mean.size(1) == context().latent,
        "latents must be [N, D]");
    const auto available = std::min(latents.mean.size(0), options_.max_samples);
    if (available >= options_.components) return;
    throw Error(ErrorKind::run,
                "gaussian_mixture: " + std::to_string(options_.components) +
                    " components cannot be fitted to " +
                    std::to_string(available) + " samples",
                "lower components, or raise max_samples");
  }

  at::Tensor samples_of(const LatentSet& latents,
                        at::Generator& generator) const {
    const auto available = latents.mean.size(0);
    const auto index =
        at::randperm(available, generator,
                     latents.mean.options().dtype(at::kLong))
            .narrow(0, 0, std::min(available, options_.max_samples));
    const auto z = latents.draw(index, generator).to(at::kDouble);
    if (!z.isfinite().all().item<bool>()) {
      throw Error(ErrorKind::run,
                  "gaussian_mixture: the latents are not all finite",
                  "look at the first stage: its loss may have diverged");
    }
    return (z - latent_.mean) / latent_.deviation;
  }

  void store(const Mixture& mixture) {
    mixture_.weights.copy_(mixture.weights);
    mixture_.means.copy_(mixture.means);
    mixture_.scale.copy_(mixture.scale);
  }

  Options options_;
  Mixture mixture_;     // before fit: N(0, I)
  nn::Moments latent_;  // m and s
};

void declare_fields(FieldList& fields) {
  const Options defaults;
  fields.integer("components", defaults.components, "Gaussians in the mixture")
      .at_least(1);
  fields.choice("covariance", "full", {"full", "diagonal"},
                "shape of each Gaussian");
  fields.integer("iterations", defaults.iterations, "EM iterations at most")
      .at_least(1);
  fields
      .real("tolerance", defaults.tolerance,
            "stop when the mean log-likelihood moves by less")
      .at_least(0)
      .in("nats");
  fields
      .real("regularisation", defaults.regularisation,
            "added to the diagonal of each covariance")
      .more_than(0);
  fields.flag("standardise", defaults.standardises,
              "bring z to zero mean and unit deviation first");
  fields
      .integer("max_samples", defaults.max_samples,
               "latents that EM sees, drawn at random")
      .at_least(1);
}

std::shared_ptr<Prior> make(const Settings& settings,
                            const PriorContext& context) {
  Options options;
  options.components = settings.integer("components");
  options.is_full = settings.text("covariance") == "full";
  options.iterations = settings.integer("iterations");
  options.tolerance = settings.real("tolerance");
  options.regularisation = settings.real("regularisation");
  options.standardises = settings.flag("standardise");
  options.max_samples = settings.integer("max_samples");
  return std::make_shared<GaussianMixture>(options, context);
}

}  // namespace
}  // namespace shalab::gaussian_mixture

using shalab::gaussian_mixture::declare_fields;
using shalab::gaussian_mixture::make;
SHALAB_PLUGIN(prior, 1, "a mixture of Gaussians, fitted by EM", declare_fields,
              make)
