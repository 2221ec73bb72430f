// CUB-TEXT, the caption networks of Shi et al. (2019) in the form of Palumbo et
// al. (2023): 32 tokens of 128 columns each as an image [1, 32, 128], any
// vocabulary.
//
//   encoder  [1,32,128] - 32 - 64 - 128 [4,16] ----- 256 - 512 [4,4] - shared
//   private  [1,32,128] - 32 - 64 - 128 [4,16] ----------------------- private
//   decoder  z - 512 [4,4] - 256 - 256 [4,8] - 128 [4,16] -+
//                                                          +- 128 - 64 - 32 - 1
//            w - 512 [4,4] - 256 [4,8] ------- 128 [4,16] -+
//
// Every convolution but the last is followed by batch normalisation. A head of
// kernel 4 x 4 on a map of 4 x 4 is a linear layer on the flattened map.

#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/relu.h>
#include <torch/nn/modules/batchnorm.h>

#include <span>
#include <string>
#include <vector>

#include "shalab/error.h"
#include "shalab/nn/init.h"
#include "shalab/nn/layers.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

constexpr std::int64_t kLength = 32;
constexpr std::int64_t kColumns = 128;
constexpr std::int64_t kFlat = 8192;  // 512 x 4 x 4, and 128 x 4 x 16

void declare_fields(FieldList& fields) {
  fields
      .integer("private_code", 0,
               "last columns of the code that the decoder reads by a branch "
               "of their own, as printed for latent.private; 0 = one branch "
               "for the whole code")
      .at_least(0);
  fields.flag("flat_features", false,
              "the features are the last maps themselves, as printed, without "
              "a linear layer; then features = 8192");
  declare_init_field(fields);
}

struct Window {
  std::int64_t height;
  std::int64_t width;
  std::int64_t stride_down;
  std::int64_t stride_across;
  std::int64_t padding_down;
  std::int64_t padding_across;
};
constexpr Window kBoth{4, 4, 2, 2, 1, 1};    // halves or doubles both sides
constexpr Window kAcross{1, 4, 1, 2, 0, 1};  // halves or doubles the width
constexpr Window kSame{3, 3, 1, 1, 1, 1};
constexpr Window kWhole{4, 4, 1, 1, 0, 0};  // from 1 x 1 to 4 x 4

struct Layer {
  std::int64_t width;
  Window window;
};

template <typename Convolution, typename Options>
Convolution convolution(std::int64_t in, const Layer& layer) {
  const Window& w = layer.window;
  return Convolution(Options(in, layer.width, {w.height, w.width})
                         .stride({w.stride_down, w.stride_across})
                         .padding(torch::ExpandingArray<2>(
                             {w.padding_down, w.padding_across})));
}

// Convolutions, each followed by batch normalisation and ReLU.
template <typename Convolution, typename Options>
class StackImpl : public torch::nn::Module {
 public:
  StackImpl(std::int64_t in, std::span<const Layer> layers) {
    for (const Layer& layer : layers) {
      const std::string index = std::to_string(convolutions_.size());
      convolutions_.push_back(
          register_module("convolution_" + index,
                          convolution<Convolution, Options>(in, layer)));
      norms_.push_back(register_module("norm_" + index,
                                       torch::nn::BatchNorm2d(layer.width)));
      in = layer.width;
    }
  }

  at::Tensor forward(at::Tensor x) {
    for (std::size_t i = 0; i < convolutions_.size(); ++i) {
      x = at::relu(norms_[i]->forward(convolutions_[i]->forward(x)));
    }
    return x;
  }

 private:
  std::vector<Convolution> convolutions_;
  std::vector<torch::nn::BatchNorm2d> norms_;
};
using Down =
    torch::nn::ModuleHolder<StackImpl<nn::Conv2d, torch::nn::Conv2dOptions>>;
using Up = torch::nn::ModuleHolder<
    StackImpl<nn::ConvTranspose2d, torch::nn::ConvTranspose2dOptions>>;

constexpr Layer kSharedLayers[] = {
    {32, kBoth}, {64, kBoth}, {128, kBoth}, {256, kAcross}, {512, kAcross}};
constexpr Layer kPrivateLayers[] = {{32, kBoth}, {64, kBoth}, {128, kBoth}};
constexpr Layer kUpLayers[] = {
    {512, kWhole}, {256, kAcross}, {256, kSame}, {128, kAcross}};
constexpr Layer kPrivateUpLayers[] = {
    {512, kWhole}, {256, kAcross}, {128, kAcross}};
constexpr Layer kJointUpLayers[] = {{128, kSame}, {64, kBoth}, {32, kBoth}};

// [B, 1, 32, 128] -> [B, H].
class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(std::span<const Layer> layers, std::int64_t out, bool is_flat)
      : down_(register_module("down", Down(1, layers))) {
    if (!is_flat) {
      linear_ = register_module("linear", nn::Linear(kFlat, out));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor h = down_->forward(x).flatten(1);
    return linear_ ? linear_->forward(h) : h;
  }

 private:
  Down down_;
  nn::Linear linear_{nullptr};
};
TORCH_MODULE(Tower);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(std::int64_t code, std::int64_t private_code,
              std::int64_t vocabulary)
      : private_code_(private_code),
        shared_(code - private_code, kUpLayers),
        joint_(private_code > 0 ? 256 : 128, kJointUpLayers),
        output_(
            convolution<nn::ConvTranspose2d, torch::nn::ConvTranspose2dOptions>(
                32, {1, kBoth})),
        symbol_(kColumns, vocabulary) {
    register_module("shared", shared_);
    if (private_code > 0) {
      private_ = register_module("private", Up(private_code, kPrivateUpLayers));
    }
    register_module("joint", joint_);
    register_module("output", output_);
    register_module("symbol", symbol_);
  }

  // code [N, code] -> [N, T, V].
  at::Tensor forward(const at::Tensor& code) {
    const at::Tensor map = code.unsqueeze(2).unsqueeze(3);  // [N, code, 1, 1]
    const std::int64_t shared_code = code.size(1) - private_code_;
    at::Tensor h = shared_->forward(map.narrow(1, 0, shared_code));
    if (private_) {
      h = at::cat(
          {private_->forward(map.narrow(1, shared_code, private_code_)), h}, 1);
    }
    h = at::relu(output_->forward(joint_->forward(h)));  // [N, 1, T, 128]
    return symbol_->forward(h.squeeze(1));
  }

 private:
  std::int64_t private_code_;
  Up shared_;
  Up private_{nullptr};
  Up joint_;
  nn::ConvTranspose2d output_;
  nn::Linear symbol_;
};
TORCH_MODULE(Decoder);

const EncoderContext& checked(const EncoderContext& context) {
  const ModalitySpec& modality = context.modality;
  return accepted(context,
                  modality.kind == ModalityKind::tokens &&
                      modality.shape == std::vector<std::int64_t>{kLength},
                  "token_conv", "32 tokens");
}

bool has_flat_features(const Settings& settings,
                       const EncoderContext& context) {
  if (!settings.flag("flat_features")) return false;
  if (context.features != kFlat) {
    throw Error(ErrorKind::usage,
                "encoder token_conv: flat_features = true gives 8192 features, "
                "but features = " +
                    std::to_string(context.features),
                "set features = 8192, or flat_features = false");
  }
  return true;
}

std::int64_t private_code_of(const Settings& settings,
                             const EncoderContext& context) {
  const std::int64_t columns = settings.integer("private_code");
  if (columns > 0 &&
      (context.private_features == 0 || columns >= context.code)) {
    throw Error(
        ErrorKind::usage,
        "encoder token_conv: private_code = " + std::to_string(columns) +
            ", but the code of " + context.modality.name + " has " +
            std::to_string(context.code) + " columns and " +
            (context.private_features == 0 ? "no private latent"
                                           : "a shared latent too"),
        "set private_code = latent.private, or 0");
  }
  return columns;
}

class TokenConv final : public Encoder {
 public:
  TokenConv(const Settings& settings, const EncoderContext& context)
      : Encoder(checked(context)),
        symbol_(context.modality.vocabulary_size(), kColumns),
        decoder_(context.code, private_code_of(settings, context),
                 context.modality.vocabulary_size()) {
    const bool is_flat = has_flat_features(settings, context);
    register_module("symbol", symbol_);
    shared_ = register_module("shared",
                              Tower(kSharedLayers, context.features, is_flat));
    if (context.private_features > 0) {
      private_ = register_module(
          "private", Tower(kPrivateLayers, context.private_features, is_flat));
    }
    register_module("decoder", decoder_);
    initialise(*this, settings.text("init"));
  }

 protected:
  // A linear layer on one-hot tokens takes the columns of its weight.
  Features do_encode(const at::Tensor& x) override {
    const at::Tensor columns =
        at::embedding(symbol_->weight.t(), x) + symbol_->bias;  // [B, T, 128]
    const at::Tensor map = columns.unsqueeze(1);
    return {shared_->forward(map),
            private_ ? private_->forward(map) : at::Tensor()};
  }

  Likelihood do_decode(const at::Tensor& code) override {
    return Likelihood::categorical(decoder_->forward(code));
  }

 private:
  nn::Linear symbol_;
  Tower shared_{nullptr};
  Tower private_{nullptr};
  Decoder decoder_;
};

std::shared_ptr<Encoder> make(const Settings& settings,
                              const EncoderContext& context) {
  return std::make_shared<TokenConv>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1, "convolutions over captions of 32 tokens (CUB-TEXT)",
              shalab::declare_fields, shalab::make)
