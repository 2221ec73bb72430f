#pragma once
// A model of two vector modalities "a" and "b" of one dimension whose decoders
// give the sum of their code.

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <memory>
#include <vector>

#include "model/multimodal_model.h"

namespace shalab {

class SumEncoder final : public Encoder {
 public:
  explicit SumEncoder(const EncoderContext& context) : Encoder(context) {}

 protected:
  Features do_encode(const at::Tensor& x) override {
    return {x.clone(),
            context().private_features > 0 ? x.clone() : at::Tensor()};
  }
  Likelihood do_decode(const at::Tensor& code) override {
    return Likelihood::normal(code.sum(1, true), 1.0, 1);
  }
};

// q(z | x_S) = N(0, 1) for every S.
class StandardFusion final : public Fusion {
 public:
  explicit StandardFusion(FusionContext context) : Fusion(std::move(context)) {}
  std::string serves_what() const override { return "every subset"; }

 protected:
  Posterior do_fuse(const std::vector<Features>&,
                    const at::Tensor& presence) override {
    const at::Tensor zero = at::zeros({presence.size(0), 1});
    return Posterior::normal(zero, zero);
  }
  bool do_serves(ModalitySubset) const override { return true; }
};

// p(z) = N(0, 1).
class StandardPrior final : public Prior {
 public:
  StandardPrior() : Prior(PriorContext{1, {}, {}}) {}
  PriorTraits traits() const override {
    PriorTraits traits;
    traits.density = PriorTraits::Density::normalised;
    return traits;
  }

 protected:
  at::Tensor do_log_prob(const at::Tensor& z) override {
    return Posterior::normal(at::zeros({1, 1}), at::zeros({1, 1}))
        .log_prob(z.reshape({-1, 1}))
        .view(z.sizes().slice(0, z.dim() - 1));
  }
  Draw do_sample(std::int64_t n, at::Generator& generator) override {
    return {at::empty({n, 1}).normal_(0, 1, generator), 0};
  }
};

inline std::vector<ModalitySpec> two_numbers() {
  std::vector<ModalitySpec> modalities(2);
  modalities[0] = {"a", ModalityKind::vector, {1}, {}, "normal"};
  modalities[1] = {"b", ModalityKind::vector, {1}, {}, "normal"};
  return modalities;
}

// Private latents of `size` columns (0 = none) with heads of zero weights, but
// a location of `location`: q(w_m | x_m) = N(location, 1).
inline std::shared_ptr<MultimodalModel> tiny_model(
    std::int64_t size, double location = 0,
    std::shared_ptr<Fusion> fusion = nullptr) {
  const auto modalities = two_numbers();
  std::vector<std::shared_ptr<Encoder>> encoders;
  for (const ModalitySpec& modality : modalities) {
    encoders.push_back(std::make_shared<SumEncoder>(
        EncoderContext{modality, 1, size > 0 ? 1 : 0, 1 + size}));
  }
  std::shared_ptr<PrivateLatents> privates;
  if (size > 0) {
    privates = std::make_shared<PrivateLatents>(
        PrivateOptions{size, {"normal", "log_var"}},
        std::vector<std::string>{"a", "b"}, std::vector<std::int64_t>{1, 1});
    const at::NoGradGuard no_grad;
    for (auto& item : privates->named_parameters()) {
      const bool is_location =
          item.key().find("location.bias") != std::string::npos;
      item.value().fill_(is_location ? location : 0);
    }
  }
  if (!fusion) {
    fusion = std::make_shared<StandardFusion>(
        FusionContext{modalities, {1, 1}, 1, {0, 0}});
  }
  return std::make_shared<MultimodalModel>(
      modalities, LatentSizes{1, size}, std::move(encoders), fusion,
      std::make_shared<StandardPrior>(), privates);
}

}  // namespace shalab
