// p(z) = Laplace(0, b), b fixed at 1 or learned (Shi et al. 2019).

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include "shalab/prior.h"

namespace shalab {
namespace {

constexpr double kSmallest = 1e-6;

void declare_fields(FieldList& fields) {
  fields.flag("learn_scale", false,
              "whether the scale of each dimension trains with the model, its "
              "mean over the dimensions kept at 1; otherwise it is 1");
}

class Laplace final : public Prior {
 public:
  Laplace(bool learns_scale, const PriorContext& context) : Prior(context) {
    if (learns_scale) {
      raw_ = register_parameter("raw_scale", at::zeros({context.latent}));
    }
  }

  PriorTraits traits() const override {
    PriorTraits traits;
    traits.density = PriorTraits::Density::normalised;
    traits.fitting = raw_.defined() ? PriorTraits::Fitting::with_model
                                    : PriorTraits::Fitting::as_is;
    return traits;
  }

  std::optional<at::Tensor> kl_from(const Posterior& posterior) override {
    if (posterior.family() != Posterior::Family::laplace) return std::nullopt;
    const at::Tensor location = posterior.mean();
    return posterior.kl_to(
        standard(location.size(0), location.options().requires_grad(false)));
  }

 protected:
  at::Tensor do_log_prob(const at::Tensor& z) override {
    const at::Tensor flat = z.reshape({-1, z.size(-1)});
    return standard(1, z.options().requires_grad(false))
        .log_prob(flat)
        .view(z.sizes().slice(0, z.dim() - 1));
  }

  Draw do_sample(std::int64_t n, at::Generator& generator) override {
    const auto options =
        at::TensorOptions().dtype(at::kFloat).device(generator.device());
    return {standard(n, options).rsample(1, generator)[0], 0};
  }

 private:
  // Laplace(0, b) of `rows` rows.
  Posterior standard(std::int64_t rows, const at::TensorOptions& options) {
    const std::int64_t shape[] = {rows, context().latent};
    const at::Tensor zero = at::zeros(shape, options);
    if (!raw_.defined()) {
      return Posterior::laplace(zero, at::ones(shape, options));
    }
    const auto latent = static_cast<double>(context().latent);
    const at::Tensor scale = latent * at::softmax(raw_, 0) + kSmallest;
    return Posterior::laplace(zero, scale.expand(shape));
  }

  at::Tensor raw_;
};

std::shared_ptr<Prior> make(const Settings& settings,
                            const PriorContext& context) {
  return std::make_shared<Laplace>(settings.flag("learn_scale"), context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(prior, 1, "Laplace(0, b), b fixed or learned",
              shalab::declare_fields, shalab::make)
