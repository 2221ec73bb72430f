// A RealNVP flow over the latent, fitted to the aggregate posterior by maximum
// likelihood: an exact log density (MultiVae's post-hoc control).
//
// y = (z - m) / s is the latent standardised over the training set; couplings
// in pairs take y to u ~ N(0, I). The two of a pair move complementary halves,
// each pair splits the coordinates anew.

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "coupling.h"
#include "shalab/error.h"
#include "shalab/nn/latent_moments.h"
#include "shalab/prior.h"

namespace shalab::flow {
namespace {

struct Options {
  std::int64_t couplings = 8;
  std::int64_t hidden = 256;
  std::int64_t layers = 3;
};

class FlowPrior : public Prior {
 public:
  FlowPrior(const Options& options, const PriorContext& context)
      : Prior(context) {
    const auto d = context.latent;
    latent_.mean = register_buffer("latent_mean", at::zeros({d}));
    latent_.deviation = register_buffer("latent_deviation", at::ones({d}));
    at::Tensor mask;
    for (std::int64_t i = 0; i < options.couplings; ++i) {
      mask = i % 2 == 0 ? random_half(d) : 1 - mask;
      couplings_.push_back(register_module(
          "coupling_" + std::to_string(i),
          std::make_shared<Coupling>(mask, options.hidden, options.layers)));
    }
  }

  PriorTraits traits() const override {
    PriorTraits traits;
    traits.density = PriorTraits::Density::normalised;
    traits.fitting = PriorTraits::Fitting::by_steps;
    return traits;
  }

  std::string generation(bool) const override {
    return "exact couplings=" + std::to_string(couplings_.size());
  }

  void prepare(const LatentSet& latents) override {
    const at::NoGradGuard no_grad;
    const auto moments = nn::aggregate_moments(latents);
    latent_.mean.copy_(moments.mean);
    latent_.deviation.copy_(moments.deviation);
  }

  Terms loss(const LatentBatch& batch, double, at::Generator&) override {
    const auto loss = -log_prob(batch.z).mean();
    return {loss, {{"negative_log_likelihood", loss}}};
  }

 protected:
  at::Tensor do_log_prob(const at::Tensor& z) override {
    const auto rows = z.reshape({-1, z.size(-1)}).to(at::kFloat);
    auto u = (rows - latent_.mean) / latent_.deviation;
    auto log_volume = (-latent_.deviation.log().sum()).expand({u.size(0)});
    for (const auto& coupling : couplings_) {
      const auto [next, change] = coupling->forward(u);
      u = next;
      log_volume = log_volume + change;
    }
    const double constant =
        double(context().latent) * std::log(2 * std::numbers::pi);
    const auto log_base = -0.5 * (u.square().sum(1) + constant);
    return (log_base + log_volume).view(z.sizes().slice(0, z.dim() - 1));
  }

  Draw do_sample(std::int64_t n, at::Generator& generator) override {
    auto y =
        at::randn({n, context().latent}, generator, latent_.mean.options());
    for (std::size_t i = couplings_.size(); i-- > 0;) {
      y = couplings_[i]->inverse(y);
    }
    return {y * latent_.deviation + latent_.mean, 1};
  }

 private:
  // Ones at floor(D/2) random coordinates, [D].
  static at::Tensor random_half(std::int64_t d) {
    return at::zeros({d}).index_fill_(0, at::randperm(d).narrow(0, 0, d / 2),
                                      1.0);
  }

  nn::Moments latent_;  // m and s
  std::vector<std::shared_ptr<Coupling>> couplings_;
};

void declare_fields(FieldList& fields) {
  const Options defaults;
  fields
      .integer("couplings", defaults.couplings,
               "affine couplings; two move all of z once")
      .at_least(2);
  fields.integer("hidden", defaults.hidden, "width of a coupling's MLP")
      .at_least(1);
  fields.integer("layers", defaults.layers, "linear layers of that MLP")
      .at_least(1);
  declare_step_fields(fields, StepDefaults());
}

std::shared_ptr<Prior> make(const Settings& settings,
                            const PriorContext& context) {
  Options options;
  options.couplings = settings.integer("couplings");
  options.hidden = settings.integer("hidden");
  options.layers = settings.integer("layers");
  return std::make_shared<FlowPrior>(options, context);
}

}  // namespace
}  // namespace shalab::flow

using shalab::flow::declare_fields;
using shalab::flow::make;
SHALAB_PLUGIN(prior, 1, "a RealNVP flow with an exact density, fitted by steps",
              declare_fields, make)
