#include "model/private_latents.h"

#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

#include "shalab/error.h"

namespace shalab {

PrivateLatents::PrivateLatents(const PrivateOptions& options,
                               const std::vector<std::string>& names,
                               const std::vector<std::int64_t>& features)
    : options_(options) {
  for (std::size_t m = 0; m < names.size(); ++m) {
    heads_.push_back(register_module(
        names[m], ExpertHead(options.expert, features[m], options.size)));
  }
}

Posterior PrivateLatents::posterior(std::size_t modality,
                                    const Features& features) {
  if (!features.private_.defined()) {
    throw Error(ErrorKind::run,
                "latent.private is " + std::to_string(options_.size) +
                    ", but an encoder gives no private features",
                "use an encoder with a private tower, or latent.private = 0");
  }
  return heads_[modality]->forward(features.private_);
}

Posterior PrivateLatents::prior(std::int64_t rows) const {
  const auto device = heads_.front()->parameters().front().device();
  const auto zero = at::zeros({rows, options_.size},
                              at::TensorOptions(at::kFloat).device(device));
  return options_.expert.family == "laplace"
             ? Posterior::laplace(zero, at::ones_like(zero))
             : Posterior::normal(zero, zero);
}

}  // namespace shalab
