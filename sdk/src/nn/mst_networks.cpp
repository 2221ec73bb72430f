#include "mst_networks.h"

#include <ATen/ops/one_hot.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <string>

namespace shalab {

namespace {

using torch::nn::BatchNorm1d;
using torch::nn::BatchNorm2d;
using torch::nn::Conv1d;
using torch::nn::Conv1dOptions;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::Linear;

constexpr std::int64_t kSymbols = 71;
constexpr double kBranch = 0.3;  // of a residual block

class MstSvhn : public JudgeNetwork {
 public:
  MstSvhn() : out_(register_module("linear", Linear(128, 10))) {
    add_layer(3, 32, 1);
    add_layer(32, 64, 1);
    add_layer(64, 64, 1);
    add_layer(64, 128, 0);
  }

  at::Tensor features(const at::Tensor& x) override {
    at::Tensor h = x;
    for (std::size_t i = 0; i < convolutions_.size(); ++i) {
      h = norms_[i]->forward(dropped(convolutions_[i]->forward(h))).relu();
    }
    return h.flatten(1);
  }

  at::Tensor logits(const at::Tensor& features) override {
    return out_->forward(features);
  }

 private:
  void add_layer(std::int64_t in, std::int64_t out, std::int64_t padding) {
    const std::string number = std::to_string(convolutions_.size() + 1);
    convolutions_.push_back(register_module(
        "conv" + number,
        Conv2d(Conv2dOptions(in, out, 4).stride(2).padding(padding))));
    norms_.push_back(register_module("bn" + number, BatchNorm2d(out)));
  }

  std::vector<Conv2d> convolutions_;
  std::vector<BatchNorm2d> norms_;
  Linear out_;
};

// Halves the length (padding 1), or takes 4 symbols to 1 (padding 0).
class ResidualBlock : public torch::nn::Module {
 public:
  ResidualBlock(std::int64_t in, std::int64_t out, std::int64_t padding)
      : norm1_(register_module("bn1", BatchNorm1d(in))),
        conv1_(register_module("conv1", Conv1d(Conv1dOptions(in, in, 1)))),
        norm2_(register_module("bn2", BatchNorm1d(in))),
        conv2_(register_module("conv2", strided(in, out, padding))),
        short_conv_(strided(in, out, padding)),
        short_norm_(BatchNorm1d(out)) {
    auto shortcut =
        register_module("downsample", std::make_shared<torch::nn::Module>());
    shortcut->register_module("0", short_conv_);
    shortcut->register_module("1", short_norm_);
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor h = conv1_->forward(norm1_->forward(x).relu());
    h = conv2_->forward(norm2_->forward(h).relu());
    return short_norm_->forward(short_conv_->forward(x)) + kBranch * h;
  }

 private:
  static Conv1d strided(std::int64_t in, std::int64_t out,
                        std::int64_t padding) {
    return Conv1d(Conv1dOptions(in, out, 4).stride(2).padding(padding));
  }

  BatchNorm1d norm1_;
  Conv1d conv1_;
  BatchNorm1d norm2_;
  Conv1d conv2_, short_conv_;
  BatchNorm1d short_norm_;
};

class MstText : public JudgeNetwork {
 public:
  MstText()
      : conv1_(
            register_module("conv1", Conv1d(Conv1dOptions(kSymbols, 128, 1)))),
        block1_(add_block("resblock_1", 128, 192, 1)),
        block4_(add_block("resblock_4", 192, 128, 0)),
        out_(register_module("linear", Linear(128, 10))) {}

  at::Tensor features(const at::Tensor& x) override {
    const at::Tensor symbols = at::one_hot(x.to(at::kLong), kSymbols);
    const at::Tensor h =
        conv1_->forward(symbols.transpose(1, 2).to(conv1_->weight.dtype()));
    return dropped(block4_->forward(block1_->forward(h))).flatten(1);
  }

  at::Tensor logits(const at::Tensor& features) override {
    return out_->forward(features);
  }

 private:
  std::shared_ptr<ResidualBlock> add_block(const std::string& name,
                                           std::int64_t in, std::int64_t out,
                                           std::int64_t padding) {
    auto block = std::make_shared<ResidualBlock>(in, out, padding);
    register_module(name, std::make_shared<torch::nn::Module>())
        ->register_module("0", block);
    return block;
  }

  Conv1d conv1_;
  std::shared_ptr<ResidualBlock> block1_, block4_;
  Linear out_;
};

}  // namespace

std::shared_ptr<JudgeNetwork> make_mst_svhn() {
  return std::make_shared<MstSvhn>();
}

std::shared_ptr<JudgeNetwork> make_mst_text() {
  return std::make_shared<MstText>();
}

}  // namespace shalab
