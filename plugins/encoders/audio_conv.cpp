// The convolutions of SpecGAN (Donahue et al., "Adversarial Audio Synthesis",
// 2019), which are DCGAN's, made for spectrograms of spoken digits: 5 x 5,
// stride 2, twice the channels at each step, down to 4 rows or columns; no
// normalisation. Theirs are 128 x 128 with 64 channels in the first layer.
// Without their final tanh: log-mel images lie in [0, 1].

#include <ATen/ops/relu.h>

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "shalab/nn/init.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/layout.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

constexpr std::int64_t kGrid = 4;
constexpr std::int64_t kLeast = 8;
constexpr std::int64_t kMost = 256;
constexpr double kSlope = 0.2;

void declare_fields(FieldList& fields) {
  fields
      .integer("channels", 32,
               "of the layer next to the image (SpecGAN: 64); each further "
               "layer has twice as many")
      .range(1, 128);
  declare_init_field(fields);
  declare_likelihood_fields(fields);
}

// What follows from the size of the image [C, H, W].
struct Plan {
  std::vector<std::int64_t> channels;  // C, c, 2 c, 4 c, ...
  std::int64_t rows = 0;               // of the smallest maps
  std::int64_t columns = 0;

  std::size_t steps() const { return channels.size() - 1; }
  std::int64_t flat() const { return channels.back() * rows * columns; }
};

Plan plan_of(const std::vector<std::int64_t>& shape, std::int64_t channels) {
  Plan plan{{shape[0]}, shape[1], shape[2]};
  while (std::min(plan.rows, plan.columns) > kGrid) {
    plan.channels.push_back(channels);
    plan.rows /= 2;
    plan.columns /= 2;
    channels *= 2;
  }
  return plan;
}

nn::Conv2d down(std::int64_t in, std::int64_t out) {
  return nn::Conv2d(torch::nn::Conv2dOptions(in, out, 5).stride(2).padding(2));
}

nn::ConvTranspose2d up(std::int64_t in, std::int64_t out) {
  return nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(in, out, 5)
                                 .stride(2)
                                 .padding(2)
                                 .output_padding(1));
}

class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(const Plan& plan, std::int64_t out) : linear_(plan.flat(), out) {
    for (std::size_t i = 0; i < plan.steps(); ++i) {
      downs_.push_back(
          register_module("down_" + std::to_string(i),
                          down(plan.channels[i], plan.channels[i + 1])));
    }
    register_module("linear", linear_);
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor h = nn::in_layout_of(downs_.back()->weight, x);
    for (nn::Conv2d& layer : downs_) {
      h = layer->forward_activated(h, kSlope);
    }
    return linear_->forward(nn::flattened(h));
  }

 private:
  std::vector<nn::Conv2d> downs_;
  nn::Linear linear_;
};
TORCH_MODULE(Tower);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(std::int64_t code, const Plan& plan)
      : maps_{-1, plan.channels.back(), plan.rows, plan.columns},
        linear_(code, plan.flat()) {
    register_module("linear", linear_);
    for (std::size_t i = plan.steps(); i > 0; --i) {
      ups_.push_back(
          register_module("up_" + std::to_string(i - 1),
                          up(plan.channels[i], plan.channels[i - 1])));
    }
  }

  at::Tensor forward(const at::Tensor& code) {
    at::Tensor h = at::relu(nn::in_layout_of(
        ups_.front()->weight, linear_->forward(code).view(maps_)));
    for (std::size_t i = 0; i + 1 < ups_.size(); ++i) {
      h = ups_[i]->forward_activated(h);
    }
    return ups_.back()->forward(h);
  }

 private:
  std::vector<std::int64_t> maps_;  // [N, channels, rows, columns]
  nn::Linear linear_;
  std::vector<nn::ConvTranspose2d> ups_;
};
TORCH_MODULE(Decoder);

bool fits(std::int64_t side) {
  return side >= kLeast && side <= kMost &&
         std::has_single_bit(static_cast<std::uint64_t>(side));
}

const EncoderContext& checked(const EncoderContext& context) {
  const auto& shape = context.modality.shape;
  return accepted(context,
                  context.modality.kind == ModalityKind::image &&
                      shape.size() == 3 && fits(shape[1]) && fits(shape[2]),
                  "audio_conv",
                  "images whose sides are 8, 16, 32, 64, 128 or 256");
}

class AudioConv final : public Encoder {
 public:
  AudioConv(const Settings& settings, const EncoderContext& context)
      : Encoder(checked(context)),
        settings_(settings),
        plan_(plan_of(context.modality.shape, settings.integer("channels"))),
        towers_(*this, context,
                [&](std::int64_t features) { return Tower(plan_, features); }),
        decoder_(context.code, plan_) {
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
  Plan plan_;
  Towers<Tower> towers_;
  Decoder decoder_;
};

std::shared_ptr<Encoder> make(const Settings& settings,
                              const EncoderContext& context) {
  return std::make_shared<AudioConv>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1,
              "5 x 5 convolutions for log-mel images (SpecGAN's, DCGAN's)",
              shalab::declare_fields, shalab::make)
