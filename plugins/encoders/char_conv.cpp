// TEXT-C, the character networks of Sutter et al. (2020): convolutions over
// the positions of a word of 8 tokens, any vocabulary.

#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>

#include "shalab/nn/init.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

constexpr std::int64_t kLength = 8;
constexpr std::int64_t kWidth = 128;

void declare_fields(FieldList& fields) { declare_init_field(fields); }

torch::nn::Conv1d conv(std::int64_t in, std::int64_t out, std::int64_t kernel,
                       std::int64_t stride, std::int64_t padding) {
  return torch::nn::Conv1d(torch::nn::Conv1dOptions(in, out, kernel)
                               .stride(stride)
                               .padding(padding));
}

torch::nn::ConvTranspose1d up(std::int64_t stride, std::int64_t padding) {
  return torch::nn::ConvTranspose1d(
      torch::nn::ConvTranspose1dOptions(kWidth, kWidth, 4)
          .stride(stride)
          .padding(padding));
}

class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(std::int64_t vocabulary, std::int64_t out)
      : vocabulary_(vocabulary),
        symbol_(conv(vocabulary, kWidth, 1, 1, 0)),
        down1_(conv(kWidth, kWidth, 4, 2, 1)),
        down2_(conv(kWidth, kWidth, 4, 2, 0)),
        linear_(kWidth, out) {
    register_module("symbol", symbol_);
    register_module("down1", down1_);
    register_module("down2", down2_);
    register_module("linear", linear_);
  }

  at::Tensor forward(const at::Tensor& tokens) {
    const auto options = tokens.options().dtype(linear_->weight.dtype());
    const at::Tensor one_hot =
        at::zeros({tokens.size(0), vocabulary_, kLength}, options)
            .scatter_(1, tokens.unsqueeze(1), 1);
    at::Tensor h = at::relu(symbol_->forward(one_hot));
    h = at::relu(down1_->forward(h));
    h = at::relu(down2_->forward(h));
    return linear_->forward(h.flatten(1));
  }

 private:
  std::int64_t vocabulary_;
  torch::nn::Conv1d symbol_;
  torch::nn::Conv1d down1_;
  torch::nn::Conv1d down2_;
  nn::Linear linear_;
};
TORCH_MODULE(Tower);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(std::int64_t code, std::int64_t vocabulary)
      : linear_(code, kWidth),
        up1_(up(1, 0)),
        up2_(up(2, 1)),
        symbol_(conv(kWidth, vocabulary, 1, 1, 0)) {
    register_module("linear", linear_);
    register_module("up1", up1_);
    register_module("up2", up2_);
    register_module("symbol", symbol_);
  }

  // [N, T, V].
  at::Tensor forward(const at::Tensor& code) {
    at::Tensor h = at::relu(linear_->forward(code)).unsqueeze(-1);
    h = at::relu(up1_->forward(h));
    h = at::relu(up2_->forward(h));
    return symbol_->forward(h).transpose(1, 2);
  }

 private:
  nn::Linear linear_;
  torch::nn::ConvTranspose1d up1_;
  torch::nn::ConvTranspose1d up2_;
  torch::nn::Conv1d symbol_;
};
TORCH_MODULE(Decoder);

const EncoderContext& checked(const EncoderContext& context) {
  const ModalitySpec& modality = context.modality;
  return accepted(context,
                  modality.kind == ModalityKind::tokens &&
                      modality.shape == std::vector<std::int64_t>{kLength},
                  "char_conv", "8 tokens");
}

class CharConv final : public Encoder {
 public:
  CharConv(const Settings& settings, const EncoderContext& context)
      : Encoder(checked(context)),
        towers_(*this, context,
                [&](std::int64_t features) {
                  return Tower(context.modality.vocabulary_size(), features);
                }),
        decoder_(context.code, context.modality.vocabulary_size()) {
    register_module("decoder", decoder_);
    initialise(*this, settings.text("init"));
  }

 protected:
  Features do_encode(const at::Tensor& x) override { return towers_.encode(x); }

  Likelihood do_decode(const at::Tensor& code) override {
    return Likelihood::categorical(decoder_->forward(code));
  }

 private:
  Towers<Tower> towers_;
  Decoder decoder_;
};

std::shared_ptr<Encoder> make(const Settings& settings,
                              const EncoderContext& context) {
  return std::make_shared<CharConv>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1, "convolutions over a word of 8 tokens (TEXT-C)",
              shalab::declare_fields, shalab::make)
