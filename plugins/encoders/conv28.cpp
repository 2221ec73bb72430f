// POLY-CONV, the PolyMNIST networks of Sutter et al. (2021), for 28 x 28
// images of any channel count.

#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>

#include "shalab/nn/init.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/layout.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

constexpr std::int64_t kChannels[] = {32, 64, 128};
constexpr std::int64_t kGrid = 4;
constexpr std::int64_t kFlat = kChannels[2] * kGrid * kGrid;

void declare_fields(FieldList& fields) {
  fields.flag("gated", false,
              "the last layer gives a, b and a mask s: a + sigmoid(s) (b - a)");
  fields.choice("feature_activation", "none", {"none", "relu"},
                "nonlinearity on the features");
  declare_init_field(fields);
  declare_likelihood_fields(fields);
}

nn::Conv2d down(std::int64_t in, std::int64_t out) {
  return nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1));
}

nn::ConvTranspose2d up(std::int64_t in, std::int64_t out,
                       std::int64_t output_padding) {
  return nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(in, out, 3)
                                 .stride(2)
                                 .padding(1)
                                 .output_padding(output_padding));
}

class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(std::int64_t channels, std::int64_t out, bool has_relu)
      : has_relu_(has_relu),
        down1_(down(channels, kChannels[0])),
        down2_(down(kChannels[0], kChannels[1])),
        down3_(down(kChannels[1], kChannels[2])),
        linear_(kFlat, out) {
    register_module("down1", down1_);
    register_module("down2", down2_);
    register_module("down3", down3_);
    register_module("linear", linear_);
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor h =
        down1_->forward_activated(nn::in_layout_of(down3_->weight, x));
    h = down2_->forward_activated(h);
    h = down3_->forward_activated(h);
    h = linear_->forward(nn::flattened(h));
    return has_relu_ ? at::relu(h) : h;
  }

 private:
  bool has_relu_;
  nn::Conv2d down1_;
  nn::Conv2d down2_;
  nn::Conv2d down3_;
  nn::Linear linear_;
};
TORCH_MODULE(Tower);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(std::int64_t code, std::int64_t channels, bool gated)
      : channels_(channels),
        gated_(gated),
        linear_(code, kFlat),
        up1_(up(kChannels[2], kChannels[1], 0)),
        up2_(up(kChannels[1], kChannels[0], 1)),
        up3_(up(kChannels[0], gated ? 2 * channels + 1 : channels, 1)) {
    register_module("linear", linear_);
    register_module("up1", up1_);
    register_module("up2", up2_);
    register_module("up3", up3_);
  }

  at::Tensor forward(const at::Tensor& code) {
    at::Tensor h =
        at::relu(linear_->forward(code)).view({-1, kChannels[2], kGrid, kGrid});
    h = up1_->forward_activated(nn::in_layout_of(up1_->weight, h));
    h = up2_->forward_activated(h);
    const at::Tensor out = up3_->forward(h);
    if (!gated_) return out;
    const std::vector<at::Tensor> parts =
        out.split_with_sizes({channels_, channels_, 1}, 1);
    return parts[0] + at::sigmoid(parts[2]) * (parts[1] - parts[0]);
  }

 private:
  std::int64_t channels_;
  bool gated_;
  nn::Linear linear_;
  nn::ConvTranspose2d up1_;
  nn::ConvTranspose2d up2_;
  nn::ConvTranspose2d up3_;
};
TORCH_MODULE(Decoder);

const EncoderContext& checked(const EncoderContext& context) {
  const auto& shape = context.modality.shape;
  return accepted(context,
                  context.modality.kind == ModalityKind::image &&
                      shape.size() == 3 && shape[1] == 28 && shape[2] == 28,
                  "conv28", "images [C, 28, 28]");
}

class Conv28 final : public Encoder {
 public:
  Conv28(const Settings& settings, const EncoderContext& context)
      : Encoder(checked(context)),
        settings_(settings),
        towers_(*this, context,
                [&](std::int64_t features) {
                  return Tower(context.modality.shape[0], features,
                               settings.text("feature_activation") == "relu");
                }),
        decoder_(context.code, context.modality.shape[0],
                 settings.flag("gated")) {
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
  return std::make_shared<Conv28>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1, "three convolutions for 28 x 28 images (POLY-CONV)",
              shalab::declare_fields, shalab::make)
