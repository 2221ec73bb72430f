#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "shalab/nn/layers.h"
#include "shalab/nn/shadow.h"

namespace shalab {
namespace upsampled_convolution_test {

using Options = torch::nn::Conv2dOptions;

at::Tensor upsampled(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

at::Tensor ours(nn::Conv2d& layer, const at::Tensor& x) {
  return layer->forward_upsampled(x);
}

at::Tensor torchs(nn::Conv2d& layer, const at::Tensor& x) {
  return layer->torch::nn::Conv2dImpl::forward(upsampled(x));
}

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

// Largest difference, as a share of the largest value.
double deviation(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return ((x - y).abs().max() / y.abs().max()).item<double>();
}

template <typename Function>
std::vector<at::Tensor> results(const Function& function, nn::Conv2d& layer,
                                const at::Tensor& input, bool is_bf16) {
  const at::Tensor x = input.detach().requires_grad_(true);
  std::vector<at::Tensor> to{x, layer->weight};
  if (layer->bias.defined()) to.push_back(layer->bias);
  at::Tensor y;
  {
    std::optional<Autocast> autocast;
    if (is_bf16) autocast.emplace();
    y = function(layer, x);
  }
  at::manual_seed(5);
  const at::Tensor slope = at::randn(y.sizes(), at::kDouble).to(y.options());
  auto all = torch::autograd::grad({y}, to, {slope});
  all.push_back(y);
  return all;
}

void expect_equal(nn::Conv2d& layer, const at::Tensor& x, double tolerance,
                  bool is_bf16 = false) {
  const auto a = results(ours, layer, x, is_bf16);
  const auto b = results(torchs, layer, x, is_bf16);
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].sizes(), b[i].sizes());
    EXPECT_EQ(a[i].scalar_type(), b[i].scalar_type());
    EXPECT_LE(deviation(a[i], b[i]), tolerance) << "result " << i;
  }
}

// To few, many and other numbers of channels, in both memory formats.
TEST(UpsampledConvolution, IsTheConvolutionOfTheUpsampledPicture) {
  at::manual_seed(1);
  for (const auto& [in, out] : std::vector<std::pair<int, int>>{
           {4, 3}, {1, 8}, {16, 16}, {8, 64}, {32, 96}}) {
    for (const bool has_bias : {true, false}) {
      for (const auto format :
           {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
        SCOPED_TRACE(testing::Message() << in << " to " << out);
        nn::Conv2d layer(Options(in, out, 3).padding(1).bias(has_bias));
        const at::Tensor x = at::randn({3, in, 5, 6}).contiguous(format);
        expect_equal(layer, x, 2e-5);
        expect_equal(layer, x, 2e-2, true);
        layer->to(at::kDouble);
        expect_equal(layer, x.to(at::kDouble), 1e-13);
      }
    }
  }
}

TEST(UpsampledConvolution, OfOtherOptionsIsTheSame) {
  at::manual_seed(2);
  for (const auto& options :
       {Options(4, 6, 5).padding(2), Options(4, 6, 3), Options(4, 6, 1),
        Options(4, 6, 3).padding(1).stride(2),
        Options(4, 6, 3).padding(1).groups(2),
        Options(4, 6, 3).padding(1).padding_mode(torch::kReflect)}) {
    nn::Conv2d layer(options);
    expect_equal(layer, at::randn({2, 4, 5, 6}), 1e-5);
  }
}

TEST(UpsampledConvolution, HasASecondDerivative) {
  at::manual_seed(3);
  nn::Conv2d layer(Options(3, 5, 3).padding(1));
  layer->to(at::kDouble);
  const at::Tensor x = at::randn({2, 3, 4, 4}, at::kDouble).requires_grad_();
  const auto second = [&](const auto& function) {
    const at::Tensor y = function(layer, x).square().sum();
    const auto first =
        torch::autograd::grad({y}, {x, layer->weight}, {}, std::nullopt, true);
    return torch::autograd::grad(
        {first[0].square().sum() + first[1].square().sum()},
        {x, layer->weight});
  };
  const auto a = second(ours), b = second(torchs);
  EXPECT_LE(deviation(a[0], b[0]), 1e-12);
  EXPECT_LE(deviation(a[1], b[1]), 1e-12);
}

// The sums are formed of the parameters themselves, in fp32, beside a copy of
// the bias.
TEST(UpsampledConvolution, GivesItsGradientBesideCopiesOfWeights) {
  at::manual_seed(4);
  nn::Conv2d layer(Options(8, 16, 3).padding(1));
  const at::Tensor x = at::randn({2, 8, 5, 5});
  const auto gradients = [&](nn::WeightCopies* copies) {
    layer->zero_grad();
    {
      const Autocast autocast;
      const nn::WeightCopiesScope scope(copies);
      ours(layer, x).to(at::kFloat).square().sum().backward();
    }
    if (copies != nullptr) copies->hand_back_gradients();
    return std::pair{layer->weight.grad().clone(), layer->bias.grad().clone()};
  };
  nn::WeightCopies copies;
  const auto plain = gradients(nullptr), copied = gradients(&copies);
  EXPECT_TRUE(plain.first.equal(copied.first));
  EXPECT_TRUE(plain.second.equal(copied.second));
}

}  // namespace upsampled_convolution_test
}  // namespace shalab
