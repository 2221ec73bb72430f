#include "shalab/prior.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "shalab/error.h"

namespace shalab {

namespace {

void check_draw(const Draw& draw, std::int64_t rows, std::int64_t latent) {
  const std::int64_t shape[] = {rows, latent};
  SHALAB_CHECK(draw.z.defined() && draw.z.sizes() == at::IntArrayRef(shape),
               "a prior's draw must be " + c10::str(at::IntArrayRef(shape)));
}

std::int64_t rows_of(const Condition& condition) {
  const std::size_t first = condition.subset.indices().front();
  SHALAB_CHECK(
      first < condition.features.size() && condition.features[first].defined(),
      "a condition without the features of its subset");
  return condition.features[first].size(0);
}

}  // namespace

at::Tensor LatentSet::draw(
    const at::Tensor& indices,
    const std::optional<at::Generator>& generator) const {
  const at::NoGradGuard no_grad;
  const at::Tensor center = mean.index_select(0, indices);
  if (!log_var.defined()) return center;
  const at::Tensor deviation = log_var.index_select(0, indices).mul(0.5).exp();
  return center + deviation * at::empty_like(center).normal_(0, 1, generator);
}

Prior::Prior(PriorContext context) : context_(std::move(context)) {}

Prior::~Prior() = default;

at::Tensor Prior::log_prob(const at::Tensor& z) {
  if (traits().density == PriorTraits::Density::none) {
    throw Error(ErrorKind::run, "this prior has no density",
                "choose a prior with a density for this objective or metric");
  }
  SHALAB_CHECK(z.size(-1) == context_.latent,
               "z of " + std::to_string(z.size(-1)) + " dimensions, not " +
                   std::to_string(context_.latent));
  return do_log_prob(z);
}

std::optional<at::Tensor> Prior::kl_from(const Posterior& /*posterior*/) {
  return std::nullopt;
}

Draw Prior::sample(std::int64_t n, at::Generator& generator) {
  SHALAB_CHECK(n >= 1, std::to_string(n) + " draws");
  const at::AutoGradMode mode(traits().needs_gradients);
  Draw draw = do_sample(n, generator);
  check_draw(draw, n, context_.latent);
  draw.z = draw.z.detach();
  return draw;
}

Draw Prior::sample_given(const Condition& condition, at::Generator& generator) {
  if (!traits().is_conditional) {
    throw Error(ErrorKind::usage, "this prior is not conditional",
                "take conditional samples from the posterior or from a "
                "conditional prior");
  }
  if (condition.subset.empty()) {
    throw Error(ErrorKind::usage, "a condition on no modality",
                "name at least one source modality");
  }
  const std::int64_t rows = rows_of(condition);
  const at::AutoGradMode mode(traits().needs_gradients);
  Draw draw = do_sample_given(condition, generator);
  check_draw(draw, rows, context_.latent);
  draw.z = draw.z.detach();
  return draw;
}

std::string Prior::generation(bool /*conditional*/) const { return "exact"; }

Terms Prior::own_terms(at::Generator& /*generator*/) { return {}; }

std::vector<ParameterGroup> Prior::parameter_groups() { return {}; }

void Prior::prepare(const LatentSet& /*latents*/) {}

Terms Prior::loss(const LatentBatch& /*batch*/, double /*progress*/,
                  at::Generator& /*generator*/) {
  throw Error(ErrorKind::run, "this prior is not fitted by steps",
              "call loss only where traits().fitting is by_steps");
}

double Prior::schedule_progress(double progress) const { return progress; }

void Prior::after_step(double /*progress*/) {}

std::int64_t Prior::phase(double /*progress*/) const { return 0; }

void Prior::fit(const LatentSet& /*latents*/, const Services& /*services*/,
                at::Generator& /*generator*/) {
  throw Error(ErrorKind::run, "this prior is not fitted at once",
              "call fit only where traits().fitting is at_once");
}

void Prior::after_training(const at::Tensor& /*latents*/) {}

void Prior::finish(const ValidationLatents& latents) {
  after_training(latents.pooled);
}

at::Tensor Prior::do_log_prob(const at::Tensor& /*z*/) {
  throw Error(ErrorKind::run, "this prior claims a density and has none",
              "its plugin must define do_log_prob");
}

Draw Prior::do_sample_given(const Condition& /*condition*/,
                            at::Generator& /*generator*/) {
  throw Error(ErrorKind::run, "this prior claims conditions and takes none",
              "its plugin must define do_sample_given");
}

void declare_step_fields(FieldList& fields, const StepDefaults& defaults) {
  fields.integer("epochs", defaults.epochs, "passes over the latents")
      .at_least(1)
      .in("epochs");
  fields.integer("max_steps", 0, "stop after so many steps; 0 = off")
      .at_least(0)
      .in("steps");
  fields.integer("batch_size", defaults.batch_size, "latents a step")
      .at_least(1);
  fields.real("learning_rate", defaults.learning_rate, "peak learning rate")
      .more_than(0);
  fields.choice("optimiser", "adamw", {"adam", "adamw", "amsgrad"},
                "update rule; adamw decouples the weight decay");
  fields.real("weight_decay", defaults.weight_decay, "weight decay")
      .at_least(0);
  fields.choice("schedule", defaults.schedule, {"constant", "cosine"},
                "learning rate over the stage, after the warm-up");
  fields
      .integer("warmup_steps", defaults.warmup_steps,
               "steps of linear growth of the learning rate")
      .at_least(0)
      .in("steps");
  fields
      .real("clip_norm", defaults.clip_norm,
            "gradients are scaled down to this norm; 0 = off")
      .at_least(0);
}

}  // namespace shalab
