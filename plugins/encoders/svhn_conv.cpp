// The SVHN networks of the field, for 32 x 32 images of any channel count:
// SVHN-A of Shi et al. (2019) and SVHN-B of Sutter et al. (2020).

#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>

#include <string>
#include <vector>

#include "shalab/error.h"
#include "shalab/nn/init.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/layout.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

constexpr std::int64_t kSide = 32;
constexpr std::int64_t kKernel = 4;

// A convolution k4, to `width` channels.
struct Step {
  std::int64_t width;
  std::int64_t stride;
  std::int64_t padding;
};

// All convolutions but the heads, the side of the maps they end in, and
// whether the decoder ends in a sigmoid. A: 32 -> 16 -> 8 -> 4; its head is a
// convolution over the whole 4 x 4, so a linear layer on the flattened maps.
// B: 32 -> 16 -> 8 -> 4 -> 1.
struct Variant {
  std::vector<Step> down;
  std::vector<Step> up;  // the last one's width is the image's channels
  std::int64_t first;    // channels of the decoder's 1 x 1 map; 0 = the code's
  std::int64_t flat;     // columns of the flattened maps
  bool has_sigmoid;
};

Variant variant_named(const std::string& name) {
  if (name == "A") {
    return {{{32, 2, 1}, {64, 2, 1}, {128, 2, 1}},
            {{128, 1, 0}, {64, 2, 1}, {32, 2, 1}, {0, 2, 1}},
            0,
            128 * 4 * 4,
            true};
  }
  return {{{32, 2, 1}, {64, 2, 1}, {64, 2, 1}, {128, 2, 0}},
          {{64, 1, 0}, {64, 2, 1}, {32, 2, 1}, {0, 2, 1}},
          128,
          128,
          false};
}

void declare_fields(FieldList& fields) {
  fields.choice("variant", "A", {"A", "B"},
                "SVHN-A (MMVAE, MMVAE+), or SVHN-B (mmJSD, MoPoE) with one "
                "layer more");
  fields.flag("flat_features", false,
              "the features are the last maps themselves, as printed, without "
              "a linear layer; then features = 2048 (A) or 128 (B)");
  declare_init_field(fields);
  declare_likelihood_fields(fields);
}

class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(const Variant& variant, std::int64_t channels, std::int64_t out,
            bool is_flat) {
    for (const Step& step : variant.down) {
      const auto options =
          torch::nn::Conv2dOptions(channels, step.width, kKernel)
              .stride(step.stride)
              .padding(step.padding);
      layers_.push_back(register_module(
          "down_" + std::to_string(layers_.size()), nn::Conv2d(options)));
      channels = step.width;
    }
    if (!is_flat) {
      linear_ = register_module("linear", nn::Linear(variant.flat, out));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor h = nn::in_layout_of(layers_[1]->weight, x);
    for (auto& layer : layers_) h = layer->forward_activated(h);
    return linear_ ? linear_->forward(nn::flattened(h)) : nn::flattened(h);
  }

 private:
  std::vector<nn::Conv2d> layers_;
  nn::Linear linear_{nullptr};
};
TORCH_MODULE(Tower);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(const Variant& variant, std::int64_t code,
              std::int64_t channels) {
    if (variant.first > 0) {
      linear_ = register_module("linear", nn::Linear(code, variant.first));
      code = variant.first;
    }
    for (const Step& step : variant.up) {
      const std::int64_t width = step.width > 0 ? step.width : channels;
      const auto options =
          torch::nn::ConvTranspose2dOptions(code, width, kKernel)
              .stride(step.stride)
              .padding(step.padding);
      layers_.push_back(register_module("up_" + std::to_string(layers_.size()),
                                        nn::ConvTranspose2d(options)));
      code = width;
    }
  }

  // code [N, code] -> [N, C, 32, 32], before a sigmoid.
  at::Tensor forward(const at::Tensor& code) {
    at::Tensor h = linear_ ? at::relu(linear_->forward(code)) : code;
    h = h.unsqueeze(-1).unsqueeze(-1);
    for (std::size_t i = 0; i + 1 < layers_.size(); ++i) {
      h = layers_[i]->forward_activated(h);
    }
    return layers_.back()->forward(h);
  }

 private:
  nn::Linear linear_{nullptr};
  std::vector<nn::ConvTranspose2d> layers_;
};
TORCH_MODULE(Decoder);

const EncoderContext& checked(const EncoderContext& context) {
  const auto& shape = context.modality.shape;
  return accepted(context,
                  context.modality.kind == ModalityKind::image &&
                      shape.size() == 3 && shape[1] == kSide &&
                      shape[2] == kSide,
                  "svhn_conv", "images [C, 32, 32]");
}

bool has_flat_features(const Settings& settings, const Variant& variant,
                       const EncoderContext& context) {
  if (!settings.flag("flat_features")) return false;
  if (context.features != variant.flat) {
    const auto flat = std::to_string(variant.flat);
    throw Error(ErrorKind::usage,
                "encoder svhn_conv: flat_features = true gives " + flat +
                    " features for variant " + settings.text("variant") +
                    ", but features = " + std::to_string(context.features),
                "set features = " + flat + ", or flat_features = false");
  }
  return true;
}

// A bernoulli takes logits: the sigmoid is then its own.
bool is_bernoulli(const Settings& settings, const ModalitySpec& modality) {
  const std::string& key = settings.text("likelihood");
  return (key.empty() ? modality.default_likelihood : key) == "bernoulli";
}

class SvhnConv final : public Encoder {
 public:
  SvhnConv(const Settings& settings, const EncoderContext& context)
      : Encoder(checked(context)),
        settings_(settings),
        towers_(make_towers(settings, context)),
        decoder_(variant_named(settings.text("variant")), context.code,
                 context.modality.shape[0]),
        has_sigmoid_(variant_named(settings.text("variant")).has_sigmoid &&
                     !is_bernoulli(settings, context.modality)) {
    register_module("decoder", decoder_);
    initialise(*this, settings.text("init"));
  }

 protected:
  Features do_encode(const at::Tensor& x) override { return towers_.encode(x); }

  Likelihood do_decode(const at::Tensor& code) override {
    const at::Tensor out = decoder_->forward(code);
    return make_likelihood(settings_, context().modality,
                           has_sigmoid_ ? at::sigmoid(out) : out);
  }

 private:
  Towers<Tower> make_towers(const Settings& settings,
                            const EncoderContext& context) {
    const Variant variant = variant_named(settings.text("variant"));
    const bool is_flat = has_flat_features(settings, variant, context);
    return {*this, context, [&](std::int64_t features) {
              return Tower(variant, context.modality.shape[0], features,
                           is_flat);
            }};
  }

  Settings settings_;
  Towers<Tower> towers_;
  Decoder decoder_;
  bool has_sigmoid_;
};

std::shared_ptr<Encoder> make(const Settings& settings,
                              const EncoderContext& context) {
  return std::make_shared<SvhnConv>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1, "convolutions for 32 x 32 images (SVHN-A, SVHN-B)",
              shalab::declare_fields, shalab::make)
