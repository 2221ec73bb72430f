#include "auxiliary_priors.h"

#include <ATen/ATen.h>

#include "shalab/error.h"

namespace shalab::iwae {

namespace {

constexpr double kSmallest = 1e-6;

}  // namespace

AuxiliaryPriorsImpl::AuxiliaryPriorsImpl(std::int64_t num_modalities,
                                         std::int64_t size, std::string scale)
    : rule_(std::move(scale)),
      raw_(register_parameter("raw_scale", at::zeros({num_modalities, size}))) {
}

at::Tensor AuxiliaryPriorsImpl::scale_of(std::int64_t modality) const {
  const at::Tensor raw = raw_.slice(0, modality, modality + 1);
  if (rule_ == "log_var") return (0.5 * raw).exp();
  if (rule_ == "softplus") return at::softplus(raw) + kSmallest;
  return static_cast<double>(raw.size(1)) * at::softmax(raw, 1) + kSmallest;
}

at::Tensor AuxiliaryPriorsImpl::rsample(std::int64_t modality,
                                        Posterior::Family family,
                                        const std::vector<std::int64_t>& shape,
                                        at::Generator& generator) {
  const at::Tensor scale = scale_of(modality);
  const at::Tensor zero = at::zeros_like(scale);
  SHALAB_CHECK(family == Posterior::Family::normal ||
                   family == Posterior::Family::laplace,
               "a private posterior of this family");
  const Posterior prior = family == Posterior::Family::laplace
                              ? Posterior::laplace(zero, scale)
                              : Posterior::normal(zero, 2 * scale.log());
  std::vector<std::int64_t> full = shape;
  full.push_back(scale.size(1));
  return prior.rsample(c10::multiply_integers(shape), generator).view(full);
}

}  // namespace shalab::iwae
