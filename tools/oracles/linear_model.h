#pragma once
// A model that knows the truth: x = A z + b + noise e as an encoder, a fusion
// and a decoder whose q(z | x) is the exact posterior.

#include <ATen/ATen.h>

#include <array>
#include <memory>
#include <vector>

#include "../../tests/plugins/load.h"
#include "run/evaluate.h"
#include "shalab/resident_dataset.h"

namespace shalab::oracles {

// h = A^T (x - b) / noise^2; x given z is N(A z + b, noise^2).
class LinearEncoder final : public Encoder {
 public:
  LinearEncoder(const EncoderContext& context, at::Tensor weight,
                at::Tensor bias, double noise)
      : Encoder(context),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        noise_(noise) {}

 protected:
  Features do_encode(const at::Tensor& x) override {
    return {(x - bias_).matmul(weight_) / (noise_ * noise_), {}};
  }
  Likelihood do_decode(const at::Tensor& code) override {
    return Likelihood::normal(code.matmul(weight_.t()) + bias_, noise_, 1);
  }

 private:
  at::Tensor weight_, bias_;  // [P, D], [P]
  double noise_;
};

// q(z | x) = N(h / precision, 1 / precision) for the one modality there is.
class ExactFusion final : public Fusion {
 public:
  ExactFusion(FusionContext context, at::Tensor precision)
      : Fusion(std::move(context)), precision_(std::move(precision)) {}
  std::string serves_what() const override { return "the one modality"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor&) override {
    const at::Tensor mean = features.front().shared / precision_;
    return Posterior::normal(mean, -precision_.log().expand_as(mean));
  }
  bool do_serves(ModalitySubset) const override { return true; }

 private:
  at::Tensor precision_;  // [D]
};

class Tuples final : public ResidentDataset {
 public:
  Tuples(std::vector<ModalitySpec> modalities, const at::Tensor& x)
      : ResidentDataset(std::move(modalities), splits_of(x)) {}
  std::string fingerprint() const override { return "oracles"; }

 private:
  static std::array<ResidentSplit, 3> splits_of(const at::Tensor& x) {
    return {ResidentSplit{{x}, {}}, {{x}, {}}, {{x}, {}}};
  }
};

class LinearModel {
 public:
  // weight [P, D] of orthogonal columns, bias [P], x [N, P].
  LinearModel(const at::Tensor& weight, const at::Tensor& bias, double noise,
              const at::Tensor& x)
      : modality_{"x", ModalityKind::vector, {bias.size(0)}, {}, "normal"},
        dataset_({modality_}, x.to(at::kFloat)) {
    const std::int64_t latent = weight.size(1);
    const at::Tensor precision = 1 + weight.square().sum(0) / (noise * noise);
    model_ = std::make_shared<MultimodalModel>(
        dataset_.modalities(), LatentSizes{latent, 0},
        std::vector<std::shared_ptr<Encoder>>{std::make_shared<LinearEncoder>(
            EncoderContext{modality_, latent, 0, latent}, weight.to(at::kFloat),
            bias.to(at::kFloat), noise)},
        std::make_shared<ExactFusion>(
            FusionContext{dataset_.modalities(), {latent}, latent, {0}},
            precision.to(at::kFloat)),
        make_plugin<Factory_prior>(
            "prior", "standard_normal",
            PriorContext{latent, dataset_.modalities(), {latent}, {}}));
    context_.services = quiet_services();
  }

  MetricContext metric_context() const {
    MetricContext context;
    context.modalities = dataset_.modalities();
    context.dataset = &dataset_;
    context.services = context_.services;
    return context;
  }

  // What a metric measures of the posterior on all tuples.
  std::vector<Measurement> measured(const MetricMaker& maker) {
    EvaluationOptions options;
    options.max_samples = dataset_.size(Split::test);
    return evaluate({*model_, dataset_, context_, judges_},
                    {{"posterior", nullptr}}, {maker}, options);
  }

 private:
  ModalitySpec modality_;
  Tuples dataset_;
  std::shared_ptr<MultimodalModel> model_;
  RunContext context_;
  JudgeBank judges_;
};

}  // namespace shalab::oracles
