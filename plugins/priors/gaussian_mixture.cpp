// A mixture of Gaussians over the latent, fitted by EM to one draw of the
// aggregate posterior: the control that a learned prior must beat.
//
// Everything is double, on standardised latents y = (z - m) / s; only the ends
// of fit(), log_prob() and sample() see z.

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "shalab/error.h"
#include "shalab/nn/latent_moments.h"
#include "shalab/prior.h"

namespace shalab {
namespace {

constexpr std::int64_t kRowsAtOnce = 2048;
constexpr int kLloydSteps = 5;
constexpr int kLargestRepair = 6;    // regularisation times 10^6 at most
constexpr double kEmptyBelow = 1.0;  // samples a component answers for
const double kLogTwoPi = std::log(2.0 * std::numbers::pi);

struct Options {
  std::int64_t components = 40;
  bool is_full = true;
  std::int64_t iterations = 100;
  double tolerance = 1e-3;
  double regularisation = 1e-4;
  bool standardises = true;
  std::int64_t max_samples = 30000;
};

// K components over y [., D]; `scale` is the Cholesky factor of each
// covariance [K, D, D], or the standard deviations [K, D] when diagonal.
struct Mixture {
  at::Tensor weights;  // [K]
  at::Tensor means;    // [K, D]
  at::Tensor scale;

  bool is_full() const { return scale.dim() == 3; }
};

// log w_k + log N(y; mean_k, covariance_k), [N, K] for y [N, D]
class ComponentDensity {
 public:
  explicit ComponentDensity(const Mixture& mixture)
      : components_(mixture.means.size(0)), latent_(mixture.means.size(1)) {
    const auto diagonal =
        mixture.is_full() ? mixture.scale.diagonal(0, 1, 2) : mixture.scale;
    constant_ = mixture.weights.log() - diagonal.log().sum(1) -
                0.5 * double(latent_) * kLogTwoPi;
    if (mixture.is_full()) {
      const auto eye = at::eye(latent_, mixture.scale.options());
      const auto inverse = at::linalg_solve_triangular(
          mixture.scale, eye.expand_as(mixture.scale), /*upper=*/false);
      whitening_ = inverse.permute({2, 0, 1}).reshape({latent_, -1});
      shift_ = at::matmul(inverse, mixture.means.unsqueeze(2)).flatten();
    } else {
      precision_ = mixture.scale.pow(-2);
      weighted_mean_ = mixture.means * precision_;
      square_ = (mixture.means * weighted_mean_).sum(1);
    }
  }

  at::Tensor operator()(const at::Tensor& y) const {
    return constant_ - 0.5 * distance(y);
  }

 private:
  // Squared Mahalanobis distance [N, K]
  at::Tensor distance(const at::Tensor& y) const {
    if (whitening_.defined()) {
      return (at::matmul(y, whitening_) - shift_)
          .view({y.size(0), components_, latent_})
          .square()
          .sum(2);
    }
    return at::matmul(y.square(), precision_.t()) -
           2.0 * at::matmul(y, weighted_mean_.t()) + square_;
  }

  std::int64_t components_, latent_;
  at::Tensor constant_;                            // [K]
  at::Tensor whitening_, shift_;                   // full: [D, KD], [KD]
  at::Tensor precision_, weighted_mean_, square_;  // diagonal: [K, D], [K]
};

// Sums over samples that the M step needs.
struct Sums {
  at::Tensor count;   // [K]
  at::Tensor first;   // [K, D]
  at::Tensor second;  // [K, D, D] or [K, D]
  at::Tensor log_likelihood;

  void add(const at::Tensor& y, const at::Tensor& responsibility,
           bool is_full) {
    const auto k = responsibility.size(1), d = y.size(1);
    const auto part =
        is_full ? at::matmul((responsibility.unsqueeze(2) * y.unsqueeze(1))
                                 .view({y.size(0), k * d})
                                 .t(),
                             y)
                      .view({k, d, d})
                : at::matmul(responsibility.t(), y.square());
    accumulate(count, responsibility.sum(0));
    accumulate(first, at::matmul(responsibility.t(), y));
    accumulate(second, part);
  }
  static void accumulate(at::Tensor& sum, const at::Tensor& part) {
    sum = sum.defined() ? sum + part : part;
  }
};

// Samples to components, [N]: by the nearest of `centers` [K, D].
at::Tensor nearest(const at::Tensor& y, const at::Tensor& centers) {
  const auto scores =
      centers.square().sum(1) - 2.0 * at::matmul(y, centers.t());
  return scores.argmin(1);
}

class ExpectationMaximisation {
 public:
  ExpectationMaximisation(const Options& options, at::Tensor y,
                          at::Generator& generator)
      : options_(options), y_(std::move(y)), generator_(generator) {
    const auto centered = y_ - y_.mean(0);
    const double n = double(y_.size(0));
    spread_ = options_.is_full ? at::matmul(centered.t(), centered) / n
                               : centered.square().mean(0);
  }

  Mixture start() {
    at::Tensor centers = spread_out_centers();
    at::Tensor label = nearest(y_, centers);
    for (int i = 0; i < kLloydSteps; ++i) {
      const auto one_hot = membership(label);
      const auto count = one_hot.sum(0).unsqueeze(1);
      const auto mean = at::matmul(one_hot.t(), y_) / count.clamp_min(1.0);
      centers = at::where(count > 0.5, mean, centers);
      label = nearest(y_, centers);
    }
    Sums sums;
    for_rows([&](const at::Tensor& y, std::int64_t first) {
      sums.add(y, membership(label.narrow(0, first, y.size(0))),
               options_.is_full);
    });
    return maximised(sums);
  }

  // One iteration: the improved mixture, and the mean log-likelihood of y
  // under the one given.
  std::pair<Mixture, double> improved(const Mixture& mixture) {
    const ComponentDensity density(mixture);
    Sums sums;
    for_rows([&](const at::Tensor& y, std::int64_t) {
      const auto joint = density(y);
      const auto log_prob = at::logsumexp(joint, 1, /*keepdim=*/true);
      sums.add(y, (joint - log_prob).exp(), options_.is_full);
      Sums::accumulate(sums.log_likelihood, log_prob.sum());
    });
    const double mean = sums.log_likelihood.item<double>() / double(y_.size(0));
    return {maximised(sums), mean};
  }

 private:
  template <typename Visit>
  void for_rows(const Visit& visit) const {
    for (std::int64_t first = 0; first < y_.size(0); first += kRowsAtOnce) {
      const auto count = std::min(kRowsAtOnce, y_.size(0) - first);
      visit(y_.narrow(0, first, count), first);
    }
  }

  at::Tensor membership(const at::Tensor& label) const {
    return at::one_hot(label, options_.components).to(at::kDouble);
  }

  // k-means++: each next center is a sample drawn in proportion to its squared
  // distance from the nearest center so far.
  at::Tensor spread_out_centers() {
    std::vector<at::Tensor> centers{random_samples(1)[0]};
    auto distance = (y_ - centers[0]).square().sum(1);
    while (std::int64_t(centers.size()) < options_.components) {
      const auto chances = distance + std::numeric_limits<double>::min();
      const auto pick = at::multinomial(chances, 1, false, generator_);
      centers.push_back(y_.index_select(0, pick)[0]);
      distance = at::minimum(distance, (y_ - centers.back()).square().sum(1));
    }
    return at::stack(centers);
  }

  at::Tensor random_samples(std::int64_t n) {
    const auto index = at::randint(0, y_.size(0), {n}, generator_,
                                   y_.options().dtype(at::kLong));
    return y_.index_select(0, index);
  }

  Mixture maximised(const Sums& sums) {
    const auto count = sums.count.clamp_min(kEmptyBelow).unsqueeze(1);
    auto mean = sums.first / count;
    auto covariance =
        options_.is_full ? sums.second / count.unsqueeze(2) -
                               mean.unsqueeze(2) * mean.unsqueeze(1)
                         : (sums.second / count - mean.square()).clamp_min(0.0);
    const auto is_empty = sums.count < kEmptyBelow;
    const auto d = mean.size(1);
    mean = at::where(is_empty.unsqueeze(1), random_samples(options_.components),
                     mean);
    const auto empty_shape =
        is_empty.view(options_.is_full ? std::vector<std::int64_t>{-1, 1, 1}
                                       : std::vector<std::int64_t>{-1, 1});
    covariance = at::where(empty_shape, spread_, covariance);
    const auto ridge = options_.is_full ? at::eye(d, y_.options())
                                        : at::ones({d}, y_.options());
    const auto weights = sums.count.clamp_min(kEmptyBelow);
    return {weights / weights.sum(), mean, scale_of(covariance, ridge)};
  }

  at::Tensor scale_of(const at::Tensor& covariance, const at::Tensor& ridge) {
    if (!options_.is_full) {
      return (covariance + ridge * options_.regularisation).sqrt();
    }
    double strength = options_.regularisation;
    for (int i = 0; i <= kLargestRepair; ++i, strength *= 10.0) {
      const auto [factor, info] =
          at::linalg_cholesky_ex(covariance + ridge * strength);
      if (!info.any().item<bool>()) return factor;
    }
    throw Error(ErrorKind::run,
                "gaussian_mixture: a covariance is not positive definite, "
                "even with " +
                    std::to_string(strength) + " on its diagonal",
                "raise regularisation, or take fewer components or "
                "covariance = diagonal");
  }

  const Options& options_;
  at::Tensor y_;       // [N, D]
  at::Tensor spread_;  // of all samples: [D, D] or [D]
  at::Generator& generator_;
};

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
}  // namespace shalab

using shalab::declare_fields;
using shalab::make;
SHALAB_PLUGIN(prior, 1, "a mixture of Gaussians, fitted by EM", declare_fields,
              make)
