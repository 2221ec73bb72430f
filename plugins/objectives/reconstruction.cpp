// Log-likelihoods alone: independent autoencoders (MLD's first stage, Bounoua
// et al. 2024).

#include <ATen/ATen.h>

#include "shalab/error.h"
#include "shalab/nn/objective_terms.h"

namespace shalab {
namespace {

class Reconstruction final : public Objective {
 public:
  Reconstruction(const Settings& settings, const ObjectiveContext& context)
      : Objective(context),
        weights_(likelihood_weights(settings, context.modalities)) {
    if (context.private_latent > 0) refuse_private();
  }

 protected:
  Terms do_terms(ModelView& model, const Batch& batch,
                 const StepInfo& info) override {
    if (model.private_size() > 0) refuse_private();
    const Posterior posterior = model.fuse(model.encode(batch), batch.presence);
    const at::Tensor z = posterior.rsample(1, info.generator).squeeze(0);
    const Fit fit = fit_of(model, batch, z, {}, weights_);
    return {-fit.weighted.mean(), fit.named};
  }

 private:
  [[noreturn]] static void refuse_private() {
    throw Error(ErrorKind::usage,
                "objective reconstruction has no KL, so nothing would bound "
                "private latents, but latent.private is not 0",
                "set latent.private = 0, or use objective elbo");
  }

  std::vector<double> weights_;
};

std::shared_ptr<Objective> make(const Settings& settings,
                                const ObjectiveContext& context) {
  return std::make_shared<Reconstruction>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(objective, 1, "log-likelihoods alone, without a KL (MLD)",
              shalab::declare_likelihood_weights, shalab::make)
