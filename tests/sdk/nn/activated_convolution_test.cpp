#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "shalab/error.h"
#include "shalab/nn/layers.h"

namespace shalab {
namespace activated_convolution_test {

using Down = torch::nn::Conv2dOptions;
using Up = torch::nn::ConvTranspose2dOptions;

struct Autocast {
  Autocast() {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
};

// Value, and the gradients of x and of the parameters from a random one.
template <typename Layer, typename Function>
std::vector<at::Tensor> results(Layer& layer, const Function& function,
                                const at::Tensor& input, bool is_bf16) {
  const at::Tensor x = input.detach().requires_grad_();
  std::vector<at::Tensor> to = layer->parameters();
  to.push_back(x);
  at::Tensor y;
  {
    std::optional<Autocast> autocast;
    if (is_bf16) autocast.emplace();
    y = function(x);
  }
  at::manual_seed(5);
  auto all = torch::autograd::grad({y}, to, {at::randn_like(y)});
  all.push_back(y);
  return all;
}

// one(x) = leaky_relu(two(x)), bit by bit.
template <typename Layer, typename One, typename Two>
void expect_activates(Layer& layer, const at::Tensor& input, const One& one,
                      const Two& two) {
  for (const double slope : {0.0, 0.2}) {
    const auto activated = [&](const at::Tensor& x) { return one(x, slope); };
    const auto behind = [&](const at::Tensor& x) {
      return slope == 0 ? at::relu(two(x)) : at::leaky_relu(two(x), slope);
    };
    for (const auto format :
         {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
      for (const bool is_bf16 : {false, true}) {
        const at::Tensor x = input.contiguous(format);
        const auto a = results(layer, activated, x, is_bf16);
        const auto b = results(layer, behind, x, is_bf16);
        for (std::size_t i = 0; i < a.size(); ++i) {
          EXPECT_TRUE(a[i].equal(b[i])) << i << " of " << a.size();
          EXPECT_EQ(a[i].strides(), b[i].strides());
        }
      }
    }
  }
}

template <typename Layer>
void expect_forward_activates(Layer layer, std::int64_t channels) {
  expect_activates(
      layer, at::randn({3, channels, 6, 6}),
      [&](const at::Tensor& x, double slope) {
        return layer->forward_activated(x, slope);
      },
      [&](const at::Tensor& x) { return layer->forward(x); });
}

// With columns and without, wide, other options; with and without a bias.
TEST(ActivatedConvolution, IsTheConvolutionThenTheActivation) {
  at::manual_seed(1);
  for (const bool has_bias : {true, false}) {
    for (const Down& options :
         {Down(3, 8, 3).padding(1), Down(16, 32, 4).stride(2).padding(1),
          Down(8, 8, 3).groups(2),
          Down(4, 6, 3).padding(1).padding_mode(torch::kReflect)}) {
      expect_forward_activates(nn::Conv2d(Down(options).bias(has_bias)),
                               options.in_channels());
    }
  }
}

// By phases, by the gradient of a convolution, by torch's form, with groups.
TEST(ActivatedConvolution, OfATransposedOneIsTheSame) {
  at::manual_seed(2);
  for (const bool has_bias : {true, false}) {
    for (const Up& options :
         {Up(8, 3, 4).stride(2).padding(1), Up(8, 3, 2).stride(2),
          Up(16, 64, 4).stride(2).padding(1), Up(8, 16, 3).padding(1),
          Up(8, 4, 3).stride(2).groups(2)}) {
      expect_forward_activates(nn::ConvTranspose2d(Up(options).bias(has_bias)),
                               options.in_channels());
    }
  }
}

TEST(ActivatedConvolution, OfAnUpsampledPictureIsTheSame) {
  at::manual_seed(3);
  for (const Down& options :
       {Down(4, 3, 3).padding(1), Down(8, 64, 3).padding(1).bias(false),
        Down(4, 6, 5).padding(2)}) {
    nn::Conv2d layer(options);
    expect_activates(
        layer, at::randn({2, options.in_channels(), 5, 5}),
        [&](const at::Tensor& x, double slope) {
          return layer->forward_upsampled_activated(x, slope);
        },
        [&](const at::Tensor& x) { return layer->forward_upsampled(x); });
  }
}

TEST(ActivatedConvolution, RefusesASlopeBelowZero) {
  nn::Conv2d layer(Down(2, 2, 3));
  EXPECT_THROW(layer->forward_activated(at::randn({1, 2, 5, 5}), -0.1), Error);
}

TEST(ActivatedConvolution, OfOnePictureWithoutABatchIsTorchs) {
  nn::Conv2d layer(Down(2, 4, 3));
  const at::Tensor x = at::randn({2, 5, 5});
  EXPECT_TRUE(layer->forward_activated(x).equal(at::relu(layer->forward(x))));
}

}  // namespace activated_convolution_test
}  // namespace shalab
