// p(z) = exp(f(z)) p_0(z) / Z, the energy-based prior of MVEBM (Yuan et al.
// 2024) and LEBM (Pang et al. 2020).
//
// Two losses share a step. The objective sees f(z) + log p_0(z) with f fixed:
// its gradient reaches the encoder through z only. f itself ascends
// E_q[f(z)] - E_p[f(z)] at its own learning rate; q's draws are those whose
// density the objective asked for in this step, p's are Langevin chains from
// p_0. Z is never known.

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "energy_function.h"
#include "langevin.h"
#include "shalab/error.h"
#include "shalab/prior.h"

namespace shalab::energy {
namespace {

struct Options {
  FunctionOptions function;
  bool has_laplace_base = false;
  double base_scale = 1.0;
  std::int64_t langevin_steps = 60;
  std::int64_t sampling_steps = 60;
  double langevin_step = 0.4;
  std::int64_t chains = 128;
  ParameterGroup rates;  // without parameters
};

// f and its chains are small and noisy: float32 whatever the run's precision.
class FullPrecision {
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

class EnergyPrior : public Prior {
 public:
  EnergyPrior(const Options& options, const PriorContext& context)
      : Prior(context),
        options_(options),
        function_(register_module(
            "f", std::make_shared<EnergyFunction>(options.function))),
        center_(register_buffer("center", at::zeros({1, context.latent}))) {}

  PriorTraits traits() const override {
    PriorTraits traits;
    traits.density = PriorTraits::Density::unnormalised;
    traits.fitting = PriorTraits::Fitting::with_model;
    traits.needs_gradients = true;
    return traits;
  }

  std::string generation(bool) const override {
    return "langevin steps=" + std::to_string(options_.sampling_steps) +
           " step=" + to_text(FieldValue(options_.langevin_step));
  }

  std::vector<ParameterGroup> parameter_groups() override {
    auto group = options_.rates;
    group.parameters = function_->parameters();
    return {group};
  }

  Terms own_terms(at::Generator& generator) override {
    if (asked_.empty()) {
      throw Error(ErrorKind::usage,
                  "prior energy: the objective never asks for log p(z), so "
                  "there is nothing to fit the energy to",
                  "use an objective that does (elbo with kl = sampled, iwae)");
    }
    const FullPrecision full_precision;
    const auto posterior = at::cat(std::exchange(asked_, {}));
    const auto prior =
        chains(options_.chains, options_.langevin_steps, generator);
    const auto drift =
        function_->forward(posterior).mean() - function_->forward(prior).mean();
    return {-drift, {{"prior.drift", drift}}};
  }

 protected:
  at::Tensor do_log_prob(const at::Tensor& z) override {
    const FullPrecision full_precision;
    const auto rows = z.reshape({-1, z.size(-1)}).to(at::kFloat);
    if (is_training()) asked_.push_back(rows.detach());
    return log_density(rows).view(z.sizes().slice(0, z.dim() - 1));
  }

  Draw do_sample(std::int64_t n, at::Generator& generator) override {
    const FullPrecision full_precision;
    return {chains(n, options_.sampling_steps, generator),
            options_.sampling_steps};
  }

 private:
  Posterior base() const {
    const auto scale = at::full_like(center_, options_.base_scale);
    return options_.has_laplace_base
               ? Posterior::laplace(center_, scale)
               : Posterior::normal(center_, 2 * scale.log());
  }

  // [N, D] -> [N], f fixed.
  at::Tensor log_density(const at::Tensor& z) const {
    return function_->forward_fixed(z) +
           base().log_prob(z.unsqueeze(1)).squeeze(1);
  }

  at::Tensor chains(std::int64_t n, std::int64_t steps,
                    at::Generator& generator) const {
    const auto start = base().rsample(n, generator).squeeze(1);
    return langevin([this](const at::Tensor& z) { return log_density(z); },
                    start, steps, options_.langevin_step, generator);
  }

  Options options_;
  std::shared_ptr<EnergyFunction> function_;
  at::Tensor center_;              // [1, D] of zeros: the base's location
  std::vector<at::Tensor> asked_;  // z of this step's log_prob calls, [N, D]
};

void declare_fields(FieldList& fields) {
  const Options defaults;
  fields.choice("base", "normal", {"normal", "laplace"},
                "p_0, which the energy tilts; best the posterior's family");
  fields
      .real("base_scale", defaults.base_scale,
            "deviation of a normal p_0, mean absolute value of a laplace")
      .more_than(0);
  fields.integer("hidden", defaults.function.hidden, "width of f").at_least(1);
  fields.integer("layers", defaults.function.layers, "linear layers of f")
      .at_least(1);
  fields.choice("activation", defaults.function.activation,
                {"leaky_relu", "gelu", "silu"},
                "nonlinearity of f; leaky_relu has slope 0.2");
  fields
      .integer("langevin_steps", defaults.langevin_steps,
               "steps of a chain in training")
      .at_least(1);
  fields
      .integer("sampling_steps", 0,
               "steps of a chain in generation; 0 = langevin_steps")
      .at_least(0)
      .after_training();
  fields
      .real("langevin_step", defaults.langevin_step,
            "s of z + s^2/2 grad log p + s noise; keep it below base_scale")
      .more_than(0);
  fields.integer("chains", defaults.chains, "chains a training step draws")
      .at_least(1);
  fields.real("learning_rate", 2e-5, "learning rate of f").more_than(0);
  fields.real("beta1", 0.5, "Adam's beta1 for f").range(0, 1);
  fields.real("beta2", 0.999, "Adam's beta2 for f").range(0, 1);
  fields
      .real("clip_norm", 100.0,
            "f's gradient is scaled down to this norm; 0 = off")
      .at_least(0);
}

std::shared_ptr<Prior> make(const Settings& settings,
                            const PriorContext& context) {
  Options options;
  options.function = {context.latent, settings.integer("hidden"),
                      settings.integer("layers"), settings.text("activation")};
  options.has_laplace_base = settings.text("base") == "laplace";
  options.base_scale = settings.real("base_scale");
  options.langevin_steps = settings.integer("langevin_steps");
  options.sampling_steps = settings.integer("sampling_steps");
  if (options.sampling_steps == 0) {
    options.sampling_steps = options.langevin_steps;
  }
  options.langevin_step = settings.real("langevin_step");
  options.chains = settings.integer("chains");
  options.rates.learning_rate = settings.real("learning_rate");
  options.rates.beta1 = settings.real("beta1");
  options.rates.beta2 = settings.real("beta2");
  options.rates.clip_norm = settings.real("clip_norm");
  return std::make_shared<EnergyPrior>(options, context);
}

}  // namespace
}  // namespace shalab::energy

using shalab::energy::declare_fields;
using shalab::energy::make;
SHALAB_PLUGIN(prior, 1, "an energy over z, sampled by short-run Langevin",
              declare_fields, make)
