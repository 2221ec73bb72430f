// A diffusion over the modalities' slots with one time each (MLD, Bounoua et
// al. 2024): a slot that is known stands at time zero, clean, and the others
// are drawn given it.
//
// y is the latent standardised over the whole training set; only prepare(),
// loss() and the ends of a draw see z.

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <string>

#include "options.h"
#include "sampler.h"
#include "shalab/error.h"
#include "shalab/nn/ema.h"
#include "shalab/nn/latent_moments.h"
#include "shalab/nn/vp_sde.h"
#include "shalab/prior.h"
#include "unet.h"

namespace shalab::masked_diffusion {
namespace {

constexpr std::int64_t kRowsAtOnce = 2000;
constexpr double kSmallestTime = 1e-6;
constexpr double kDeviations = 4.0;  // of a posterior, that its range covers

// Which slots are known, alike for all rows.
struct Known {
  at::Tensor modalities;  // bool [M]
  at::Tensor columns;     // bool [D]
};

// How far a draw lies from its posterior's mean at most, [N, D].
at::Tensor spread_of(const LatentSet& latents) {
  if (!latents.log_var.defined()) return at::zeros_like(latents.mean);
  return (0.5 * latents.log_var).exp() * kDeviations;
}

class MaskedDiffusion : public Prior {
 public:
  MaskedDiffusion(const Options& options, const PriorContext& context);

  PriorTraits traits() const override {
    PriorTraits traits;
    traits.fitting = PriorTraits::Fitting::by_steps;
    traits.is_conditional = true;
    return traits;
  }
  std::string generation(bool) const override {
    return describe(options_.sampling);
  }
  void prepare(const LatentSet& latents) override;
  Terms loss(const LatentBatch& batch, double progress,
             at::Generator& generator) override;
  void after_step(double) override { ema_->update(*average_, *network_); }

 protected:
  Draw do_sample(std::int64_t n, at::Generator& generator) override;
  Draw do_sample_given(const Condition& condition,
                       at::Generator& generator) override;

 private:
  std::int64_t num_modalities() const { return options_.network.modalities; }
  Known known(const at::Tensor& modalities) const;
  Known random_mask(at::Generator& generator) const;
  at::Tensor presence_of(const LatentBatch& batch) const;
  at::Tensor noise(std::int64_t rows, at::Generator& generator) const;
  Draw draw(const at::Tensor& clean, const Known& known,
            at::Generator& generator);

  Options options_;
  std::shared_ptr<UNet> network_;  // what the optimiser sees
  std::shared_ptr<UNet> average_;  // its EMA: what samples
  std::shared_ptr<nn::Ema> ema_;
  at::Tensor slot_of_;  // int64 [D]: the modality of each column
  nn::Moments latent_;
  DataRange range_;  // of y; unbounded before prepare()
};

MaskedDiffusion::MaskedDiffusion(const Options& options,
                                 const PriorContext& context)
    : Prior(context),
      options_(options),
      network_(
          register_module("network", std::make_shared<UNet>(options.network))),
      average_(
          register_module("average", std::make_shared<UNet>(options.network))),
      ema_(register_module("ema", std::make_shared<nn::Ema>(options.ema))) {
  nn::copy_parameters(*average_, *network_);
  for (auto& parameter : average_->parameters()) {
    parameter.set_requires_grad(false);
  }
  const auto d = context.latent;
  slot_of_ = register_buffer("slot_of",
                             at::repeat_interleave(at::arange(num_modalities()),
                                                   at::tensor(context.slots)));
  latent_.mean = register_buffer("latent_mean", at::zeros({d}));
  latent_.deviation = register_buffer("latent_deviation", at::ones({d}));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  range_.lowest = register_buffer("lowest", at::full({d}, -kInfinity));
  range_.highest = register_buffer("highest", at::full({d}, kInfinity));
}

// By slot, over the tuples that have it.
void MaskedDiffusion::prepare(const LatentSet& latents) {
  const at::NoGradGuard no_grad;
  std::int64_t first = 0;
  for (std::int64_t m = 0; m < num_modalities(); ++m) {
    const auto size = context().slots[m];
    const auto slot = [&](const at::Tensor& x) {
      if (!x.defined()) return x;
      const auto columns = x.narrow(1, first, size);
      return latents.presence.defined()
                 ? columns.index({latents.presence.select(1, m)})
                 : columns;
    };
    LatentSet seen;
    seen.mean = slot(latents.mean);
    seen.log_var = slot(latents.log_var);
    const auto moments = nn::aggregate_moments(seen);
    latent_.mean.narrow(0, first, size).copy_(moments.mean);
    latent_.deviation.narrow(0, first, size).copy_(moments.deviation);
    const auto y = (seen.mean - moments.mean) / moments.deviation;
    const auto reach = spread_of(seen) / moments.deviation;
    range_.lowest.narrow(0, first, size).copy_((y - reach).amin(0));
    range_.highest.narrow(0, first, size).copy_((y + reach).amax(0));
    first += size;
  }
}

Known MaskedDiffusion::known(const at::Tensor& modalities) const {
  return {modalities, modalities.index_select(0, slot_of_)};
}

// With probability `masking` one non-empty proper subset, each equally likely
// as the number 1..2^M - 2 whose bits name it; else nothing.
Known MaskedDiffusion::random_mask(at::Generator& generator) const {
  const auto m = num_modalities();
  const auto subset = at::randint(1, (std::int64_t{1} << m) - 1, {1}, generator,
                                  slot_of_.options());
  const auto bits =
      at::bitwise_right_shift(subset, at::arange(m, slot_of_.options()))
          .bitwise_and(1)
          .to(at::kBool);
  const auto is_masked =
      at::rand({1}, generator, latent_.mean.options()) < options_.masking;
  return known(bits & is_masked);
}

// [B, M] or undefined -> [B, M].
at::Tensor MaskedDiffusion::presence_of(const LatentBatch& batch) const {
  if (batch.batch.presence.defined()) return batch.batch.presence;
  return at::ones({1, num_modalities()}, slot_of_.options().dtype(at::kBool))
      .expand({batch.z.size(0), num_modalities()});
}

// The mean over columns counts only noised ones: D / (D - dim_A) of MLD's
// sum, and both of its cases. An absent slot is noise at time one, uncounted.
Terms MaskedDiffusion::loss(const LatentBatch& batch, double,
                            at::Generator& generator) {
  const auto rows = batch.z.size(0);
  const auto y = (batch.z - latent_.mean) / latent_.deviation;
  const auto known = random_mask(generator);
  const auto present = presence_of(batch);
  const auto present_columns = present.index_select(1, slot_of_);
  const auto t =
      at::rand({rows, 1}, generator, y.options()) * (1 - kSmallestTime) +
      kSmallestTime;
  const auto e = noise(rows, generator);
  const auto log_m = nn::vp_log_mean_factor(t);
  const auto noised = log_m.exp() * y + (-at::expm1(2 * log_m)).sqrt() * e;
  const auto prediction = network_->forward(
      at::where(present_columns, at::where(known.columns, y, noised), e),
      at::where(present, at::where(known.modalities, 0.0, t), 1.0));
  const auto counts = present_columns & known.columns.logical_not();
  const auto error = at::where(counts, (prediction - e).square(), 0.0);
  const auto num_counted = counts.sum(1);
  const auto loss = (error.sum(1) / num_counted.clamp_min(1)).sum() /
                    (num_counted > 0).sum().clamp_min(1);
  return {loss, {{"denoising", loss}}};
}

at::Tensor MaskedDiffusion::noise(std::int64_t rows,
                                  at::Generator& generator) const {
  return at::randn({rows, context().latent}, generator, latent_.mean.options());
}

// clean [B, D] is z, read where it is known.
Draw MaskedDiffusion::draw(const at::Tensor& clean, const Known& known,
                           at::Generator& generator) {
  const auto condition = (clean - latent_.mean) / latent_.deviation;
  Draw result;
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < clean.size(0); first += kRowsAtOnce) {
    const auto count = std::min(kRowsAtOnce, clean.size(0) - first);
    const auto told = condition.narrow(0, first, count);
    const auto noise_of = [&](const at::Tensor& y, double t) {
      const auto tau = at::where(known.modalities, 0.0,
                                 at::full({count, 1}, t, y.options()));
      return average_->forward(at::where(known.columns, told, y), tau);
    };
    const auto solution =
        masked_diffusion::sample(options_.sampling, noise(count, generator),
                                 noise_of, range_, generator);
    parts.push_back(solution.z);
    result.nfe = solution.evaluations;
  }
  const auto z = at::cat(parts) * latent_.deviation + latent_.mean;
  result.z = at::where(known.columns, clean, z);
  return result;
}

Draw MaskedDiffusion::do_sample(std::int64_t n, at::Generator& generator) {
  const at::NoGradGuard no_grad;
  const auto none =
      at::zeros({num_modalities()}, slot_of_.options().dtype(at::kBool));
  return draw(at::zeros({n, context().latent}, latent_.mean.options()),
              known(none), generator);
}

Draw MaskedDiffusion::do_sample_given(const Condition& condition,
                                      at::Generator& generator) {
  const at::NoGradGuard no_grad;
  if (!condition.posterior) {
    throw Error(ErrorKind::usage,
                "prior masked_diffusion: a condition without a posterior: the "
                "known slots are its mean",
                "condition on modalities that the fusion serves; slots serves "
                "every non-empty subset");
  }
  if (condition.start.defined()) {
    throw Error(ErrorKind::usage,
                "prior masked_diffusion: it does not start from a given latent",
                "use the prior diffusion for style transfer");
  }
  auto modalities = at::zeros({num_modalities()}, at::kBool);
  for (const auto m : condition.subset.indices()) {
    SHALAB_CHECK(std::int64_t(m) < num_modalities(),
                 "a condition on modality " + std::to_string(m));
    modalities[std::int64_t(m)] = true;
  }
  const auto clean = condition.posterior->mean().to(at::kFloat);
  if (modalities.all().item<bool>()) return {clean, 0};
  return draw(clean, known(modalities.to(slot_of_.device())), generator);
}

std::shared_ptr<Prior> make(const Settings& settings,
                            const PriorContext& context) {
  return std::make_shared<MaskedDiffusion>(read_options(settings, context),
                                           context);
}

}  // namespace
}  // namespace shalab::masked_diffusion

using shalab::masked_diffusion::declare_fields;
using shalab::masked_diffusion::make;
SHALAB_PLUGIN(prior, 1,
              "a diffusion over the modalities' slots, any of them known (MLD)",
              declare_fields, make)
