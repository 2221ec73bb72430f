#include "condition_encoders.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/embedding.h>

#include <string>
#include <vector>

#include "shalab/error.h"
#include "shalab/nn/layers.h"

namespace shalab::diffusion {
namespace {

constexpr std::int64_t kTokenWidth = 32;
constexpr std::int64_t kImageChannels[] = {32, 64, 64};

class FeatureProjection : public ConditionEncoder {
 public:
  FeatureProjection(std::int64_t features, std::int64_t width)
      : linear_(register_module("linear", nn::Linear(features, width))) {}

  at::Tensor forward(const at::Tensor& x) override {
    return linear_->forward(x);
  }

 private:
  nn::Linear linear_;
};

class ImageEncoder : public ConditionEncoder {
 public:
  ImageEncoder(const ModalitySpec& modality, std::int64_t width) {
    std::int64_t channels = modality.shape.at(0);
    std::int64_t height = modality.shape.at(1), across = modality.shape.at(2);
    for (const std::int64_t next : kImageChannels) {
      const auto options =
          torch::nn::Conv2dOptions(channels, next, 3).stride(2).padding(1);
      layers_.push_back(register_module(
          "conv_" + std::to_string(layers_.size()), nn::Conv2d(options)));
      channels = next;
      height = (height + 1) / 2;
      across = (across + 1) / 2;
    }
    output_ = register_module("output",
                              nn::Linear(channels * height * across, width));
  }

  at::Tensor forward(const at::Tensor& x) override {
    at::Tensor y = x;
    for (auto& layer : layers_) y = at::silu(layer->forward(y));
    return output_->forward(y.flatten(1));
  }

 private:
  std::vector<nn::Conv2d> layers_;
  nn::Linear output_{nullptr};
};

class VectorEncoder : public ConditionEncoder {
 public:
  VectorEncoder(std::int64_t inputs, std::int64_t width)
      : first_(register_module("first", nn::Linear(inputs, width))),
        second_(register_module("second", nn::Linear(width, width))) {}

  at::Tensor forward(const at::Tensor& x) override {
    return second_->forward(at::silu(first_->forward(x.flatten(1))));
  }

 private:
  nn::Linear first_, second_;
};

class TokenEncoder : public ConditionEncoder {
 public:
  TokenEncoder(const ModalitySpec& modality, std::int64_t width)
      : embedding_(register_module(
            "embedding",
            torch::nn::Embedding(modality.vocabulary_size(), kTokenWidth))),
        mlp_(register_module("mlp",
                             std::make_shared<VectorEncoder>(
                                 modality.numel() * kTokenWidth, width))) {}

  at::Tensor forward(const at::Tensor& x) override {
    return mlp_->forward(embedding_->forward(x));
  }

 private:
  torch::nn::Embedding embedding_;
  std::shared_ptr<VectorEncoder> mlp_;
};

}  // namespace

std::shared_ptr<ConditionEncoder> make_feature_projection(std::int64_t features,
                                                          std::int64_t width) {
  return std::make_shared<FeatureProjection>(features, width);
}

std::shared_ptr<ConditionEncoder> make_data_encoder(
    const ModalitySpec& modality, std::int64_t width) {
  switch (modality.kind) {
    case ModalityKind::image:
      return std::make_shared<ImageEncoder>(modality, width);
    case ModalityKind::tokens:
      return std::make_shared<TokenEncoder>(modality, width);
    case ModalityKind::vector:
      return std::make_shared<VectorEncoder>(modality.numel(), width);
  }
  check_failed(__FILE__, __LINE__, "known kind", to_string(modality.kind));
}

}  // namespace shalab::diffusion
