// POLY-RES, the residual PolyMNIST networks of Palumbo et al. (2023), for
// 28 x 28 images of one or three channels.

#include <string>
#include <vector>

#include "shalab/error.h"
#include "shalab/nn/init.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/layout.h"
#include "shalab/nn/residual_block.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

constexpr std::int64_t kChannels[] = {64, 128, 256};
constexpr std::int64_t kSide = 28;
constexpr std::int64_t kGrid = 7;
constexpr std::int64_t kFlat = kChannels[2] * kGrid * kGrid;

void declare_fields(FieldList& fields) {
  fields.flag("flat_features", false,
              "the features are the 256 x 7 x 7 maps themselves, as printed, "
              "without a linear layer; then features = 12544");
  declare_init_field(fields);
  declare_likelihood_fields(fields);
}

using Input = nn::ResidualBlockImpl::Input;

class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(std::int64_t channels, std::int64_t out, bool is_flat)
      : input_(nn::conv3(channels, kChannels[0])) {
    register_module("input", input_);
    const std::int64_t widths[] = {kChannels[0], kChannels[0], kChannels[1],
                                   kChannels[2]};
    for (int i = 0; i < 3; ++i) {
      blocks_.push_back(
          register_module("block_" + std::to_string(i),
                          nn::ResidualBlock(widths[i], widths[i + 1])));
    }
    if (!is_flat) {
      linear_ = register_module("linear", nn::Linear(kFlat, out));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    auto h = nn::ResidualBlockImpl::activated(
        input_->forward(nn::in_layout_of(blocks_.back()->layout(), x)));
    for (int i = 0; i < 2; ++i) {
      h = blocks_[i]->forward_pooled(h);
    }
    const at::Tensor maps = nn::flattened(blocks_[2]->sum(h));
    return linear_ ? linear_->forward(maps) : maps;
  }

 private:
  nn::Conv2d input_;
  std::vector<nn::ResidualBlock> blocks_;
  nn::Linear linear_{nullptr};
};
TORCH_MODULE(Tower);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(std::int64_t code, std::int64_t channels)
      : linear_(code, kFlat), output_(nn::conv3(kChannels[0], channels)) {
    register_module("linear", linear_);
    const std::int64_t widths[] = {kChannels[2], kChannels[1], kChannels[0],
                                   kChannels[0]};
    for (int i = 0; i < 3; ++i) {
      const Input input = i == 0 ? Input::as_given : Input::upsampled;
      blocks_.push_back(
          register_module("block_" + std::to_string(i),
                          nn::ResidualBlock(widths[i], widths[i + 1], input)));
    }
    register_module("output", output_);
  }

  at::Tensor forward(const at::Tensor& code) {
    auto h = nn::ResidualBlockImpl::activated(nn::in_layout_of(
        output_->weight,
        linear_->forward(code).view({-1, kChannels[2], kGrid, kGrid})));
    for (int i = 0; i < 2; ++i) h = blocks_[i]->forward(h);
    return output_->forward(blocks_[2]->activation(h));
  }

 private:
  nn::Linear linear_;
  std::vector<nn::ResidualBlock> blocks_;
  nn::Conv2d output_;
};
TORCH_MODULE(Decoder);

const EncoderContext& checked(const EncoderContext& context) {
  const auto& shape = context.modality.shape;
  return accepted(context,
                  context.modality.kind == ModalityKind::image &&
                      shape.size() == 3 && (shape[0] == 1 || shape[0] == 3) &&
                      shape[1] == kSide && shape[2] == kSide,
                  "resnet28", "images [1, 28, 28] or [3, 28, 28]");
}

bool has_flat_features(const Settings& settings,
                       const EncoderContext& context) {
  if (!settings.flag("flat_features")) return false;
  if (context.features != kFlat) {
    throw Error(ErrorKind::usage,
                "encoder resnet28: flat_features = true gives 12544 features, "
                "but features = " +
                    std::to_string(context.features),
                "set features = 12544, or flat_features = false");
  }
  return true;
}

class Resnet28 final : public Encoder {
 public:
  Resnet28(const Settings& settings, const EncoderContext& context)
      : Encoder(checked(context)),
        settings_(settings),
        towers_(*this, context,
                [&, is_flat = has_flat_features(settings, context)](
                    std::int64_t features) {
                  return Tower(context.modality.shape[0], features, is_flat);
                }),
        decoder_(context.code, context.modality.shape[0]) {
    register_module("decoder", decoder_);
    initialise(*this, settings.text("init"));
  }

 protected:
  Features do_encode(const at::Tensor& x) override { return towers_.encode(x); }

  Likelihood do_decode(const at::Tensor& code) override {
    return make_likelihood(settings_, context().modality,
                           decoder_->forward(code));
  }

 private:
  Settings settings_;
  Towers<Tower> towers_;
  Decoder decoder_;
};

std::shared_ptr<Encoder> make(const Settings& settings,
                              const EncoderContext& context) {
  return std::make_shared<Resnet28>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1, "residual networks for 28 x 28 images (POLY-RES)",
              shalab::declare_fields, shalab::make)
