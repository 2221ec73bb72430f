#include "shalab/nn/denoisers.h"

#include <ATen/ATen.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/modulelist.h>

#include <cmath>
#include <string>
#include <vector>

#include "shalab/error.h"

namespace shalab::nn {
namespace {

constexpr std::int64_t kFrequencies = 128;
constexpr double kLongestPeriod = 10000.0;
constexpr double kSmallDeviation = 0.02;
constexpr double kNormEpsilon = 1e-6;

nn::Linear xavier_linear(std::int64_t in, std::int64_t out) {
  nn::Linear linear(in, out);
  torch::nn::init::xavier_uniform_(linear->weight);
  torch::nn::init::zeros_(linear->bias);
  return linear;
}

nn::Linear zero_linear(std::int64_t in, std::int64_t out) {
  nn::Linear linear(in, out);
  torch::nn::init::zeros_(linear->weight);
  torch::nn::init::zeros_(linear->bias);
  return linear;
}

nn::Linear small_linear(std::int64_t in, std::int64_t out) {
  nn::Linear linear(in, out);
  torch::nn::init::normal_(linear->weight, 0.0, kSmallDeviation);
  torch::nn::init::zeros_(linear->bias);
  return linear;
}

// LayerNorm(x) (1 + scale) + shift
at::Tensor modulated(const at::Tensor& x, const at::Tensor& shift,
                     const at::Tensor& scale) {
  const at::Tensor normed =
      at::layer_norm(x, {x.size(-1)}, {}, {}, kNormEpsilon);
  return at::addcmul(normed + shift, normed, scale);
}

class MlpBlock : public torch::nn::Module {
 public:
  explicit MlpBlock(const DenoiserOptions& options)
      : up_(register_module(
            "up",
            xavier_linear(options.width, options.width * options.expansion))),
        down_(register_module(
            "down",
            xavier_linear(options.width * options.expansion, options.width))) {}

  // modulation: shift, scale, gate [B, W] from `first` on
  at::Tensor forward(const at::Tensor& x, const at::Tensor* modulation) {
    const auto y = up_->forward(modulated(x, modulation[0], modulation[1]));
    return at::addcmul(x, modulation[2], down_->forward(at::silu(y)));
  }

 private:
  nn::Linear up_, down_;
};

class TransformerBlock : public torch::nn::Module {
 public:
  explicit TransformerBlock(const DenoiserOptions& options)
      : heads_(options.heads),
        attention_in_(register_module(
            "attention_in", xavier_linear(options.width, 3 * options.width))),
        attention_out_(register_module(
            "attention_out", xavier_linear(options.width, options.width))),
        up_(register_module(
            "up",
            xavier_linear(options.width, options.width * options.expansion))),
        down_(register_module(
            "down",
            xavier_linear(options.width * options.expansion, options.width))) {}

  // modulation: shift, scale, gate [B, 1, W] of attention, then of the MLP
  at::Tensor forward(const at::Tensor& x, const at::Tensor* modulation) {
    const auto attended = attend(modulated(x, modulation[0], modulation[1]));
    const auto y = at::addcmul(x, modulation[2], attended);
    const auto hidden = at::gelu(
        up_->forward(modulated(y, modulation[3], modulation[4])), "tanh");
    return at::addcmul(y, modulation[5], down_->forward(hidden));
  }

 private:
  at::Tensor attend(const at::Tensor& x) {
    const auto batch = x.size(0), tokens = x.size(1), width = x.size(2);
    const auto qkv = attention_in_->forward(x)
                         .view({batch, tokens, 3, heads_, width / heads_})
                         .permute({2, 0, 3, 1, 4})
                         .unbind(0);  // 3 x [B, heads, tokens, W / heads]
    const auto y = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]);
    return attention_out_->forward(
        y.transpose(1, 2).reshape({batch, tokens, width}));
  }

  std::int64_t heads_;
  nn::Linear attention_in_, attention_out_, up_, down_;
};

// Time and condition -> the modulation of every block and of the output.
class Modulation : public torch::nn::Module {
 public:
  Modulation(std::int64_t width, std::int64_t num_chunks)
      : num_chunks_(num_chunks),
        time_(register_module("time", std::make_shared<TimeEmbedding>(width))),
        linear_(register_module("linear",
                                zero_linear(width, num_chunks * width))) {}

  std::vector<at::Tensor> forward(const at::Tensor& time,
                                  const at::Tensor& condition) {
    const auto c = at::silu(time_->forward(time) + condition);
    return linear_->forward(c).chunk(num_chunks_, -1);
  }

 private:
  std::int64_t num_chunks_;
  std::shared_ptr<TimeEmbedding> time_;
  nn::Linear linear_;
};

class MlpDenoiser : public Denoiser {
 public:
  explicit MlpDenoiser(const DenoiserOptions& options)
      : input_(register_module("input",
                               xavier_linear(options.latent, options.width))),
        modulation_(register_module(
            "modulation", std::make_shared<Modulation>(
                              options.width, kPerBlock * options.blocks + 2))),
        output_(register_module("output",
                                zero_linear(options.width, options.latent))) {
    for (std::int64_t i = 0; i < options.blocks; ++i) {
      blocks_.push_back(register_module("block_" + std::to_string(i),
                                        std::make_shared<MlpBlock>(options)));
    }
  }

  at::Tensor forward(const at::Tensor& z, const at::Tensor& time,
                     const at::Tensor& condition) override {
    const auto modulation = modulation_->forward(time, condition);
    const at::Tensor* next = modulation.data();
    auto x = input_->forward(z);
    for (const auto& block : blocks_) {
      x = block->forward(x, next);
      next += kPerBlock;
    }
    return output_->forward(modulated(x, next[0], next[1])).to(at::kFloat);
  }

 private:
  static constexpr std::int64_t kPerBlock = 3;
  nn::Linear input_;
  std::shared_ptr<Modulation> modulation_;
  nn::Linear output_;
  std::vector<std::shared_ptr<MlpBlock>> blocks_;
};

class TransformerDenoiser : public Denoiser {
 public:
  explicit TransformerDenoiser(const DenoiserOptions& options)
      : tokens_(options.tokens),
        input_(register_module(
            "input",
            xavier_linear(options.latent / options.tokens, options.width))),
        position_(register_parameter(
            "position",
            at::randn({options.tokens, options.width}) * kSmallDeviation)),
        modulation_(register_module(
            "modulation", std::make_shared<Modulation>(
                              options.width, kPerBlock * options.blocks + 2))),
        output_(register_module(
            "output",
            zero_linear(options.width, options.latent / options.tokens))) {
    for (std::int64_t i = 0; i < options.blocks; ++i) {
      blocks_.push_back(
          register_module("block_" + std::to_string(i),
                          std::make_shared<TransformerBlock>(options)));
    }
  }

  at::Tensor forward(const at::Tensor& z, const at::Tensor& time,
                     const at::Tensor& condition) override {
    auto modulation = modulation_->forward(time, condition);
    for (auto& part : modulation) part = part.unsqueeze(1);  // [B, 1, W]
    const at::Tensor* next = modulation.data();
    auto x = input_->forward(z.reshape({z.size(0), tokens_, -1})) + position_;
    for (const auto& block : blocks_) {
      x = block->forward(x, next);
      next += kPerBlock;
    }
    const auto y = output_->forward(modulated(x, next[0], next[1]));
    return y.flatten(1).to(at::kFloat);
  }

 private:
  static constexpr std::int64_t kPerBlock = 6;
  std::int64_t tokens_;
  nn::Linear input_;
  at::Tensor position_;
  std::shared_ptr<Modulation> modulation_;
  nn::Linear output_;
  std::vector<std::shared_ptr<TransformerBlock>> blocks_;
};

void require_divides(std::int64_t divisor, const std::string& divisor_name,
                     std::int64_t number, const std::string& number_name) {
  if (divisor > 0 && number % divisor == 0) return;
  throw Error(ErrorKind::usage,
              "a transformer denoiser needs " + divisor_name +
                  " that divide the " + number_name + ", got " +
                  std::to_string(divisor) + " and " + std::to_string(number),
              "choose " + divisor_name + " among the divisors of " +
                  std::to_string(number));
}

}  // namespace

TimeEmbedding::TimeEmbedding(std::int64_t width)
    : frequencies_(register_buffer(
          "frequencies", at::exp(at::arange(kFrequencies, at::kFloat) *
                                 (-std::log(kLongestPeriod) / kFrequencies)))),
      first_(register_module("first", small_linear(2 * kFrequencies, width))),
      second_(register_module("second", small_linear(width, width))) {}

TimeEmbedding::~TimeEmbedding() = default;

at::Tensor TimeEmbedding::forward(const at::Tensor& time) {
  const auto angle = time.unsqueeze(1) * frequencies_;
  const auto waves = at::cat({angle.cos(), angle.sin()}, 1);
  return second_->forward(at::silu(first_->forward(waves)));
}

Denoiser::~Denoiser() = default;

std::shared_ptr<Denoiser> make_mlp_denoiser(const DenoiserOptions& options) {
  return std::make_shared<MlpDenoiser>(options);
}

std::shared_ptr<Denoiser> make_transformer_denoiser(
    const DenoiserOptions& options) {
  require_divides(options.heads, "heads", options.width, "width");
  require_divides(options.tokens, "tokens", options.latent, "latent size");
  return std::make_shared<TransformerDenoiser>(options);
}

}  // namespace shalab::nn
