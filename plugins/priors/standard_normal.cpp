// p(z) = N(0, I).

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <numbers>

#include "shalab/prior.h"

namespace shalab {
namespace {

class StandardNormal final : public Prior {
 public:
  explicit StandardNormal(const PriorContext& context) : Prior(context) {}

  PriorTraits traits() const override {
    PriorTraits traits;
    traits.density = PriorTraits::Density::normalised;
    return traits;
  }

  std::optional<at::Tensor> kl_from(const Posterior& posterior) override {
    if (posterior.family() != Posterior::Family::normal) return std::nullopt;
    const at::Tensor zero = at::zeros_like(posterior.mean());
    return posterior.kl_to(Posterior::normal(zero, zero));
  }

 protected:
  at::Tensor do_log_prob(const at::Tensor& z) override {
    const double constant =
        static_cast<double>(context().latent) * std::log(2 * std::numbers::pi);
    return -0.5 * (z.square().sum(-1) + constant);
  }

  Draw do_sample(std::int64_t n, at::Generator& generator) override {
    const auto options =
        at::TensorOptions().dtype(at::kFloat).device(generator.device());
    return {at::empty({n, context().latent}, options).normal_(0, 1, generator),
            0};
  }
};

void declare_fields(FieldList& /*fields*/) {}

std::shared_ptr<Prior> make(const Settings& /*settings*/,
                            const PriorContext& context) {
  return std::make_shared<StandardNormal>(context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(prior, 1, "the standard normal N(0, I)", shalab::declare_fields,
              shalab::make)
