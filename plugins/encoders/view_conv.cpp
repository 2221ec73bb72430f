// Convolutions for pictures of 64, 128 or 256 pixels a side: CUB-CONV of Shi
// et al. (2019), of any width and any number of halvings, with residual blocks
// where wanted.

#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/relu.h>

#include <algorithm>
#include <string>
#include <vector>

#include "shalab/nn/init.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/layout.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

constexpr std::int64_t kGrid = 4;  // side of the last maps
constexpr std::int64_t kKernel = 4;
constexpr double kSlope = 0.2;
constexpr double kResidualWeight = 0.1;

void declare_fields(FieldList& fields) {
  fields
      .integer("width", 32,
               "channels after the first halving, doubled at each further one")
      .at_least(1)
      .at_most(1024);
  fields.integer("max_width", 256, "channels are not doubled beyond this")
      .at_least(1)
      .at_most(4096);
  fields
      .integer("residual_blocks", 0,
               "blocks x + 0.1 conv(act(conv(act(x)))) after each halving and "
               "before each doubling of the side; 0 = convolutions only")
      .range(0, 8);
  declare_init_field(fields);
  declare_likelihood_fields(fields);
}

// Channels of the maps, from the picture's down to those of 4 x 4: a picture
// of side 4 * 2^n has n halvings. CUB-CONV is 3, 64, 128, 256, 512.
struct Pyramid {
  std::vector<std::int64_t> channels;
  std::int64_t num_blocks;

  std::int64_t flat() const { return channels.back() * kGrid * kGrid; }
};

Pyramid pyramid_of(const Settings& settings, const ModalitySpec& modality) {
  Pyramid pyramid{{modality.shape[0]}, settings.integer("residual_blocks")};
  const std::int64_t widest = settings.integer("max_width");
  std::int64_t width = settings.integer("width");
  for (std::int64_t side = modality.shape[1]; side > kGrid; side /= 2) {
    pyramid.channels.push_back(std::min(width, widest));
    width = pyramid.channels.back() * 2;
  }
  return pyramid;
}

class ResidualImpl : public torch::nn::Module {
 public:
  explicit ResidualImpl(std::int64_t width)
      : first_(torch::nn::Conv2dOptions(width, width, 3).padding(1)),
        second_(torch::nn::Conv2dOptions(width, width, 3).padding(1)) {
    register_module("first", first_);
    register_module("second", second_);
  }

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor h =
        first_->forward_activated(at::leaky_relu(x, kSlope), kSlope);
    return x + kResidualWeight * second_->forward(h);
  }

 private:
  nn::Conv2d first_;
  nn::Conv2d second_;
};
TORCH_MODULE(Residual);

// The residual blocks at each size of map, registered in `owner`.
class Blocks {
 public:
  void add(torch::nn::Module& owner, std::int64_t width, std::int64_t count) {
    levels_.emplace_back();
    for (std::int64_t i = 0; i < count; ++i) {
      const std::string name = "block_" + std::to_string(levels_.size() - 1) +
                               "_" + std::to_string(i);
      levels_.back().push_back(owner.register_module(name, Residual(width)));
    }
  }

  at::Tensor apply(std::size_t level, at::Tensor h) {
    for (Residual& block : levels_[level]) h = block->forward(h);
    return h;
  }

 private:
  std::vector<std::vector<Residual>> levels_;
};

class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(const Pyramid& pyramid, std::int64_t out)
      : linear_(pyramid.flat(), out) {
    for (std::size_t i = 0; i + 1 < pyramid.channels.size(); ++i) {
      const std::int64_t width = pyramid.channels[i + 1];
      const auto options =
          torch::nn::Conv2dOptions(pyramid.channels[i], width, kKernel)
              .stride(2)
              .padding(1);
      downs_.push_back(
          register_module("down_" + std::to_string(i), nn::Conv2d(options)));
      blocks_.add(*this, width, pyramid.num_blocks);
    }
    register_module("linear", linear_);
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor h = nn::in_layout_of(downs_.back()->weight, x);
    for (std::size_t i = 0; i < downs_.size(); ++i) {
      h = blocks_.apply(i, downs_[i]->forward_activated(h));
    }
    return linear_->forward(nn::flattened(h));
  }

 private:
  std::vector<nn::Conv2d> downs_;
  Blocks blocks_;
  nn::Linear linear_;
};
TORCH_MODULE(Tower);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(const Pyramid& pyramid, std::int64_t code)
      : first_(pyramid.channels.back()), linear_(code, pyramid.flat()) {
    register_module("linear", linear_);
    for (std::size_t i = pyramid.channels.size() - 1; i > 0; --i) {
      const std::int64_t width = pyramid.channels[i];
      blocks_.add(*this, width, pyramid.num_blocks);
      const auto options = torch::nn::ConvTranspose2dOptions(
                               width, pyramid.channels[i - 1], kKernel)
                               .stride(2)
                               .padding(1);
      ups_.push_back(register_module("up_" + std::to_string(ups_.size()),
                                     nn::ConvTranspose2d(options)));
    }
  }

  // code [N, code] -> [N, C, S, S], without a nonlinearity at the end.
  at::Tensor forward(const at::Tensor& code) {
    at::Tensor h = linear_->forward(code).view({-1, first_, kGrid, kGrid});
    h = at::relu(nn::in_layout_of(ups_.front()->weight, h));
    const std::size_t last = ups_.size() - 1;
    for (std::size_t i = 0; i < last; ++i) {
      h = ups_[i]->forward_activated(blocks_.apply(i, h));
    }
    return ups_[last]->forward(blocks_.apply(last, h));
  }

 private:
  std::int64_t first_;
  nn::Linear linear_;
  Blocks blocks_;
  std::vector<nn::ConvTranspose2d> ups_;
};
TORCH_MODULE(Decoder);

const EncoderContext& checked(const EncoderContext& context) {
  const auto& shape = context.modality.shape;
  const bool is_square = context.modality.kind == ModalityKind::image &&
                         shape.size() == 3 && shape[1] == shape[2];
  const bool fits =
      is_square && (shape[1] == 64 || shape[1] == 128 || shape[1] == 256);
  return accepted(context, fits, "view_conv",
                  "images [C, 64, 64], [C, 128, 128] or [C, 256, 256]");
}

class ViewConv final : public Encoder {
 public:
  ViewConv(const Settings& settings, const EncoderContext& context)
      : Encoder(checked(context)),
        settings_(settings),
        towers_(
            *this, context,
            [pyramid = pyramid_of(settings, context.modality)](
                std::int64_t features) { return Tower(pyramid, features); }),
        decoder_(pyramid_of(settings, context.modality), context.code) {
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
  return std::make_shared<ViewConv>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1, "convolutions for views of 64, 128 or 256 pixels",
              shalab::declare_fields, shalab::make)
