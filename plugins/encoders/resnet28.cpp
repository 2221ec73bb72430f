// POLY-RES, the residual PolyMNIST networks of Palumbo et al. (2023), for
// 28 x 28 images of one or three channels.

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <algorithm>
#include <string>
#include <vector>

#include "shalab/error.h"
#include "shalab/nn/init.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/layout.h"
#include "shalab/nn/residual.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

constexpr std::int64_t kChannels[] = {64, 128, 256};
constexpr std::int64_t kSide = 28;
constexpr std::int64_t kGrid = 7;
constexpr std::int64_t kFlat = kChannels[2] * kGrid * kGrid;
constexpr double kSlope = 0.2;
constexpr double kResidualWeight = 0.1;

void declare_fields(FieldList& fields) {
  fields.flag("flat_features", false,
              "the features are the 256 x 7 x 7 maps themselves, as printed, "
              "without a linear layer; then features = 12544");
  declare_init_field(fields);
  declare_likelihood_fields(fields);
}

nn::Conv2d conv3(std::int64_t in, std::int64_t out) {
  return nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).padding(1));
}

at::Tensor activated(const at::Tensor& x) { return at::leaky_relu(x, kSlope); }

// x -> shortcut(x) + 0.1 conv(act(conv(act(x)))): the shortcut is x, or a
// convolution 1 x 1 without bias where the channels change.
class ResidualImpl : public torch::nn::Module {
 public:
  ResidualImpl(std::int64_t in, std::int64_t out)
      : first_(conv3(in, std::min(in, out))),
        second_(conv3(std::min(in, out), out)) {
    register_module("first", first_);
    register_module("second", second_);
    if (in != out) {
      shortcut_ = register_module(
          "shortcut",
          nn::Conv2d(torch::nn::Conv2dOptions(in, out, 1).bias(false)));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    return shortcut(x) + kResidualWeight * change(x);
  }

  // act(forward(x)), where what follows begins with it.
  at::Tensor forward_activated(const at::Tensor& x) {
    return nn::activated_residual(shortcut(x), change(x), kResidualWeight,
                                  kSlope);
  }

  const at::Tensor& layout() const { return first_->weight; }

 private:
  at::Tensor shortcut(const at::Tensor& x) {
    return shortcut_ ? shortcut_->forward(x) : x;
  }
  at::Tensor change(const at::Tensor& x) {
    return second_->forward(activated(first_->forward(activated(x))));
  }

  nn::Conv2d first_;
  nn::Conv2d second_;
  nn::Conv2d shortcut_{nullptr};
};
TORCH_MODULE(Residual);

class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(std::int64_t channels, std::int64_t out, bool is_flat)
      : input_(conv3(channels, kChannels[0])) {
    register_module("input", input_);
    const std::int64_t widths[] = {kChannels[0], kChannels[0], kChannels[1],
                                   kChannels[2]};
    for (int i = 0; i < 3; ++i) {
      blocks_.push_back(register_module("block_" + std::to_string(i),
                                        Residual(widths[i], widths[i + 1])));
    }
    if (!is_flat) {
      linear_ = register_module("linear", nn::Linear(kFlat, out));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor h =
        input_->forward(nn::in_layout_of(blocks_.back()->layout(), x));
    h = blocks_[0]->forward(h);
    for (int i = 1; i < 3; ++i) {
      h = blocks_[i]->forward(at::avg_pool2d(h, 3, 2, 1));
    }
    return linear_ ? linear_->forward(h.flatten(1)) : h.flatten(1);
  }

 private:
  nn::Conv2d input_;
  std::vector<Residual> blocks_;
  nn::Linear linear_{nullptr};
};
TORCH_MODULE(Tower);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(std::int64_t code, std::int64_t channels)
      : linear_(code, kFlat), output_(conv3(kChannels[0], channels)) {
    register_module("linear", linear_);
    const std::int64_t widths[] = {kChannels[2], kChannels[1], kChannels[0],
                                   kChannels[0]};
    for (int i = 0; i < 3; ++i) {
      blocks_.push_back(register_module("block_" + std::to_string(i),
                                        Residual(widths[i], widths[i + 1])));
    }
    register_module("output", output_);
  }

  at::Tensor forward(const at::Tensor& code) {
    at::Tensor h =
        linear_->forward(code).view({-1, kChannels[2], kGrid, kGrid});
    h = nn::in_layout_of(output_->weight, h);
    for (int i = 0; i < 2; ++i) {
      const std::int64_t side = h.size(2) * 2;
      h = at::upsample_nearest2d(blocks_[i]->forward(h), {side, side});
    }
    return output_->forward(blocks_[2]->forward_activated(h));
  }

 private:
  nn::Linear linear_;
  std::vector<Residual> blocks_;
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
