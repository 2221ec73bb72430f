// CUB-RES, the residual networks of Palumbo et al. (2023) for pictures of
// birds: 64 x 64 images of any channel count.

#include <algorithm>
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

constexpr std::int64_t kSide = 64;
constexpr std::int64_t kWidth = 64;  // at full size

void declare_fields(FieldList& fields) {
  fields.choice("grid", "2", {"2", "4", "8", "16"},
                "side of the last maps: 2 as MMVAE+, 16 as MLD and MultiVae");
  fields.integer("max_width", 256, "most channels; they double at each halving")
      .at_least(1);
  fields.flag("flat_features", false,
              "the features are the last maps themselves, as printed, without "
              "a linear layer; then features = 1024 for grid 2 and 256 "
              "channels");
  declare_init_field(fields);
  declare_likelihood_fields(fields);
}

// Channels at side 64, 32, ... grid.
struct Pyramid {
  std::vector<std::int64_t> widths;
  std::int64_t grid = 0;

  std::int64_t flat() const { return widths.back() * grid * grid; }
};

Pyramid pyramid_of(const Settings& settings) {
  Pyramid pyramid;
  pyramid.grid = std::stoll(settings.text("grid"));
  const std::int64_t most = settings.integer("max_width");
  std::int64_t width = kWidth;
  for (std::int64_t side = kSide; side >= pyramid.grid; side /= 2) {
    // The input layer and its block keep 64 channels whatever the limit.
    pyramid.widths.push_back(side == kSide ? kWidth : std::min(width, most));
    width *= 2;
  }
  return pyramid;
}

using Input = nn::ResidualBlockImpl::Input;

class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(const Pyramid& pyramid, std::int64_t channels, std::int64_t out,
            bool is_flat)
      : input_(nn::conv3(channels, kWidth)) {
    register_module("input", input_);
    blocks_.push_back(
        register_module("block", nn::ResidualBlock(kWidth, kWidth)));
    for (std::size_t i = 1; i < pyramid.widths.size(); ++i) {
      blocks_.push_back(register_module(
          "down_" + std::to_string(i),
          nn::ResidualBlock(pyramid.widths[i - 1], pyramid.widths[i])));
    }
    if (!is_flat) {
      linear_ = register_module("linear", nn::Linear(pyramid.flat(), out));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    auto h = nn::ResidualBlockImpl::activated(
        input_->forward(nn::in_layout_of(blocks_.back()->layout(), x)));
    for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) {
      h = blocks_[i]->forward_pooled(h);
    }
    const at::Tensor maps = nn::flattened(blocks_.back()->sum(h));
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
  DecoderImpl(const Pyramid& pyramid, std::int64_t code, std::int64_t channels)
      : width_(pyramid.widths.back()),
        grid_(pyramid.grid),
        linear_(code, pyramid.flat()),
        block_(kWidth, kWidth, Input::upsampled),
        output_(nn::conv3(kWidth, channels)) {
    register_module("linear", linear_);
    const std::size_t last = pyramid.widths.size() - 1;
    for (std::size_t i = last; i > 0; --i) {
      const nn::ResidualBlock block(
          pyramid.widths[i], pyramid.widths[i - 1],
          i == last ? Input::as_given : Input::upsampled);
      up_.push_back(register_module("up_" + std::to_string(i), block));
    }
    register_module("block", block_);
    register_module("output", output_);
  }

  // [N, C, 64, 64], no nonlinearity at the end.
  at::Tensor forward(const at::Tensor& code) {
    auto h = nn::ResidualBlockImpl::activated(nn::in_layout_of(
        output_->weight,
        linear_->forward(code).view({-1, width_, grid_, grid_})));
    for (auto& up : up_) h = up->forward(h);
    return output_->forward(block_->activation(h));
  }

 private:
  std::int64_t width_;
  std::int64_t grid_;
  nn::Linear linear_;
  std::vector<nn::ResidualBlock> up_;
  nn::ResidualBlock block_;
  nn::Conv2d output_;
};
TORCH_MODULE(Decoder);

const EncoderContext& checked(const EncoderContext& context) {
  const auto& shape = context.modality.shape;
  return accepted(context,
                  context.modality.kind == ModalityKind::image &&
                      shape.size() == 3 && shape[1] == kSide &&
                      shape[2] == kSide,
                  "resnet64", "images [C, 64, 64]");
}

bool has_flat_features(const Settings& settings, const Pyramid& pyramid,
                       const EncoderContext& context) {
  if (!settings.flag("flat_features")) return false;
  if (context.features != pyramid.flat()) {
    const std::string flat = std::to_string(pyramid.flat());
    throw Error(ErrorKind::usage,
                "encoder resnet64: flat_features = true gives " + flat +
                    " features with this grid and max_width, but features = " +
                    std::to_string(context.features),
                "set features = " + flat + ", or flat_features = false");
  }
  return true;
}

class Resnet64 final : public Encoder {
 public:
  Resnet64(const Settings& settings, const EncoderContext& context)
      : Encoder(checked(context)),
        settings_(settings),
        towers_(make_towers(settings, context)),
        decoder_(pyramid_of(settings), context.code,
                 context.modality.shape[0]) {
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
  Towers<Tower> make_towers(const Settings& settings,
                            const EncoderContext& context) {
    const Pyramid pyramid = pyramid_of(settings);
    const bool is_flat = has_flat_features(settings, pyramid, context);
    return {*this, context, [&](std::int64_t features) {
              return Tower(pyramid, context.modality.shape[0], features,
                           is_flat);
            }};
  }

  Settings settings_;
  Towers<Tower> towers_;
  Decoder decoder_;
};

std::shared_ptr<Encoder> make(const Settings& settings,
                              const EncoderContext& context) {
  return std::make_shared<Resnet64>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1, "residual networks for 64 x 64 images (CUB-RES)",
              shalab::declare_fields, shalab::make)
