// p(z) = N(0, I).

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <numbers>

#include "shalab/prior.h"

namespace shalab {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// KL(N(mean, exp(log_var)) || N(0, I)) in nats, summed over D: [B]. A fusion of
// subsets asks for 2^M - 1 times the batch, so each pass over memory counts.
class NormalKl : public torch::autograd::Function<NormalKl> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& mean,
                            const at::Tensor& log_var) {
    context->save_for_backward({mean, log_var});
    return 0.5 * at::expm1(log_var).addcmul_(mean, mean).sub_(log_var).sum(-1);
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor g = gradients.front().unsqueeze(-1);
    return {g * saved[0], at::expm1(saved[1]).mul_(0.5 * g)};
  }
};

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
    return NormalKl::apply(posterior.mean(), posterior.log_var());
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
