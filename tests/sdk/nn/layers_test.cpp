#include "shalab/nn/layers.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace shalab {
namespace layers_test {

// Largest difference, as a share of the largest value.
double deviation(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return ((x - y).abs().max() / y.abs().max()).item<double>();
}

class Autocast {
 public:
  explicit Autocast(bool is_wanted) : is_wanted_(is_wanted) { set(is_wanted_); }
  ~Autocast() {
    if (is_wanted_) at::autocast::clear_cache();
    set(false);
  }

 private:
  static void set(bool is_wanted) {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, is_wanted);
  }
  bool is_wanted_;
};

struct Values {
  at::Tensor y;
  std::vector<at::Tensor> gradients;  // to x, weight, bias
};

template <typename Layer>
Values values(Layer& layer, const at::Tensor& input, bool is_bf16) {
  at::Tensor x = input.detach().clone(at::MemoryFormat::Preserve);
  x.requires_grad_(true);
  std::vector<at::Tensor> to{x, layer->weight};
  if (layer->bias.defined()) to.push_back(layer->bias);
  Values result;
  {
    const Autocast autocast(is_bf16);
    result.y = layer->forward(x);
  }
  torch::manual_seed(5);
  const at::Tensor slope =
      at::randn(result.y.sizes(), at::kDouble).to(result.y.options());
  result.gradients = torch::autograd::grad({result.y}, to, {slope});
  return result;
}

// Ours equals torch's in value and in each gradient.
template <typename Ours, typename Theirs>
void expect_equal(Ours& ours, Theirs& theirs, const at::Tensor& x,
                  double tolerance, bool is_bf16 = false) {
  {
    const at::NoGradGuard no_grad;
    theirs->weight.copy_(ours->weight);
    if (theirs->bias.defined()) theirs->bias.copy_(ours->bias);
  }
  const Values a = values(ours, x, is_bf16), b = values(theirs, x, is_bf16);
  ASSERT_EQ(a.y.sizes(), b.y.sizes());
  EXPECT_EQ(a.y.scalar_type(), b.y.scalar_type());
  EXPECT_LE(deviation(a.y, b.y), tolerance) << "value";
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    EXPECT_LE(deviation(a.gradients[i], b.gradients[i]), tolerance)
        << "gradient " << i;
  }
}

struct Shape {
  std::int64_t in, out, side, k, stride, padding, output_padding;
};

// Thin, wide and other outputs; kernels smaller than, as large as and larger
// than their stride; outputs whose size is no multiple of the stride.
const std::vector<Shape> kShapes{
    {16, 3, 14, 3, 2, 1, 1}, {16, 3, 7, 3, 2, 1, 0},  {8, 1, 5, 4, 2, 1, 0},
    {8, 2, 6, 5, 3, 0, 2},   {4, 3, 5, 2, 3, 0, 0},   {4, 4, 6, 6, 2, 2, 0},
    {32, 64, 4, 3, 2, 1, 0}, {16, 96, 5, 4, 2, 1, 0}, {16, 64, 6, 3, 1, 1, 0},
    {32, 16, 7, 3, 2, 1, 1}, {16, 8, 8, 3, 1, 1, 0},  {8, 3, 8, 3, 1, 1, 0},
};

torch::nn::ConvTranspose2dOptions up_options(const Shape& s) {
  return torch::nn::ConvTranspose2dOptions(s.in, s.out, s.k)
      .stride(s.stride)
      .padding(s.padding)
      .output_padding(s.output_padding);
}

torch::nn::Conv2dOptions down_options(const Shape& s) {
  return torch::nn::Conv2dOptions(s.in, s.out, s.k)
      .stride(s.stride)
      .padding(s.padding);
}

at::Tensor pictures(const Shape& s, at::MemoryFormat format) {
  return at::randn({6, s.in, s.side, s.side + 1}).contiguous(format);
}

// Both memory formats in fp64, fp32 and bf16.
template <typename Ours, typename Theirs, typename Options>
void compare(Options options) {
  for (const Shape& s : kShapes) {
    for (const bool has_bias : {true, false}) {
      SCOPED_TRACE(testing::Message()
                   << s.in << " to " << s.out << " on " << s.side << ", kernel "
                   << s.k << ", stride " << s.stride << ", bias " << has_bias);
      for (const auto format :
           {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
        Ours ours(options(s).bias(has_bias));
        Theirs theirs(options(s).bias(has_bias));
        const at::Tensor x = pictures(s, format);
        expect_equal(ours, theirs, x, 2e-5);
        expect_equal(ours, theirs, x, 2e-2, true);
        ours->to(at::kDouble);
        theirs->to(at::kDouble);
        expect_equal(ours, theirs, x.to(at::kDouble), 1e-13);
      }
    }
  }
}

TEST(ConvTranspose2d, EqualsTorchInEveryForm) {
  torch::manual_seed(1);
  compare<nn::ConvTranspose2d, torch::nn::ConvTranspose2d>(up_options);
}

TEST(Conv2d, EqualsTorchInEveryForm) {
  torch::manual_seed(2);
  compare<nn::Conv2d, torch::nn::Conv2d>(down_options);
}

TEST(ConvTranspose2d, WithGroupsOrOblongKernelsIsTorchs) {
  torch::manual_seed(3);
  using Options = torch::nn::ConvTranspose2dOptions;
  for (const auto& options :
       {Options(8, 4, 3).stride(2).groups(2),
        Options(8, 3, 3).stride(2).dilation(2),
        Options(8, 3, {4, 3}).stride({2, 1}).padding({1, 0})}) {
    nn::ConvTranspose2d ours(options);
    torch::nn::ConvTranspose2d theirs(options);
    expect_equal(ours, theirs, at::randn({3, 8, 6, 6}), 1e-5);
  }
}

TEST(Linear, EqualsTorch) {
  torch::manual_seed(4);
  for (const bool has_bias : {true, false}) {
    const auto options = torch::nn::LinearOptions(300, 200).bias(has_bias);
    nn::Linear ours(options);
    torch::nn::Linear theirs(options);
    for (const auto& x :
         {at::randn({128, 300}), at::randn({2, 300}), at::randn({300}),
          at::randn({7, 11, 300}), at::randn({300, 128}).t()}) {
      expect_equal(ours, theirs, x, 1e-5);
      expect_equal(ours, theirs, x, 2e-2, true);
    }
    ours->to(at::kDouble);
    theirs->to(at::kDouble);
    expect_equal(ours, theirs, at::randn({128, 300}, at::kDouble), 1e-13);
  }
}

// d/dx of the squared norm of dy/dx, for which y is squared.
template <typename Layer>
at::Tensor second(Layer& layer, const at::Tensor& input) {
  at::Tensor x = input.detach().clone().requires_grad_(true);
  const at::Tensor y = layer->forward(x).square().sum();
  const at::Tensor g =
      torch::autograd::grad({y}, {x}, {}, std::nullopt, true)[0];
  return torch::autograd::grad({g.square().sum()}, {x})[0];
}

template <typename Ours, typename Theirs, typename Options>
void expect_equal_second(const Options& options, const at::Tensor& x) {
  Ours ours(options);
  Theirs theirs(options);
  const at::NoGradGuard no_grad;
  theirs->weight.copy_(ours->weight);
  theirs->bias.copy_(ours->bias);
  const at::AutoGradMode grad(true);
  EXPECT_LE(deviation(second(ours, x), second(theirs, x)), 1e-4);
}

TEST(Layers, HaveSecondDerivatives) {
  torch::manual_seed(6);
  expect_equal_second<nn::Linear, torch::nn::Linear>(
      torch::nn::LinearOptions(300, 200), at::randn({128, 300}));
  for (const Shape& s : kShapes) {
    const at::Tensor x = pictures(s, at::MemoryFormat::ChannelsLast);
    expect_equal_second<nn::ConvTranspose2d, torch::nn::ConvTranspose2d>(
        up_options(s), x);
    expect_equal_second<nn::Conv2d, torch::nn::Conv2d>(down_options(s), x);
  }
}

TEST(Layers, GiveTheSameBitsTwice) {
  torch::manual_seed(7);
  for (const Shape& s : kShapes) {
    nn::ConvTranspose2d layer(up_options(s));
    const at::Tensor x = pictures(s, at::MemoryFormat::ChannelsLast);
    for (const bool is_bf16 : {false, true}) {
      const Values a = values(layer, x, is_bf16), b = values(layer, x, is_bf16);
      EXPECT_TRUE(a.y.equal(b.y));
      EXPECT_TRUE(a.gradients[1].equal(b.gradients[1]));
    }
  }
}

// A frozen layer computes what the same layer computes where it is trained,
// before and after its parameters change in place and move.
template <typename Layer, typename Options>
void expect_frozen_follows(Options options, const at::Tensor& x) {
  Layer frozen(options), trained(options);
  for (auto& parameter : frozen->parameters())
    parameter.set_requires_grad(false);
  const auto forward = [&](Layer& layer, bool is_bf16) {
    const Autocast autocast(is_bf16);
    return layer->forward(x).detach();
  };
  for (const double scale : {1.0, 3.0, 0.5}) {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < frozen->parameters().size(); ++i) {
      at::Tensor own = frozen->parameters()[i];
      if (scale == 3.0) own.mul_(scale);
      if (scale == 0.5) own.set_data(own * scale);
      trained->parameters()[i].copy_(own);
    }
    for (const bool is_bf16 : {true, false, true}) {
      EXPECT_TRUE(forward(frozen, is_bf16).equal(forward(trained, is_bf16)))
          << "after " << scale << ", bf16 " << is_bf16;
    }
  }
}

TEST(Layers, FrozenOnesFollowTheirParameters) {
  torch::manual_seed(8);
  expect_frozen_follows<nn::Linear>(torch::nn::LinearOptions(30, 20),
                                    at::randn({12, 30}));
  for (const Shape& s : kShapes) {
    const at::Tensor x = pictures(s, at::MemoryFormat::ChannelsLast);
    expect_frozen_follows<nn::ConvTranspose2d>(up_options(s), x);
    expect_frozen_follows<nn::Conv2d>(down_options(s), x);
  }
}

TEST(Shadow, IsCastAnewWhenItsParameterHasChanged) {
  nn::Shadow shadow;
  const at::Tensor parameter = at::randn({3, 4});
  EXPECT_TRUE(shadow.of(parameter).is_same(parameter)) << "no autocast";
  const Autocast autocast(true);
  const at::Tensor first = shadow.of(parameter);
  EXPECT_TRUE(first.equal(parameter.to(at::kBFloat16)));
  EXPECT_TRUE(shadow.of(parameter).is_same(first));
  parameter.add_(1);
  EXPECT_TRUE(shadow.of(parameter).equal(parameter.to(at::kBFloat16)));
}

TEST(Shadow, LeavesTrainedAbsentAndOtherParametersToAutocast) {
  nn::Shadow shadow;
  const Autocast autocast(true);
  const at::Tensor trained = at::randn({3}).requires_grad_(true);
  EXPECT_TRUE(shadow.of(trained).is_same(trained));
  EXPECT_FALSE(shadow.of(at::Tensor()).defined());
  const at::Tensor exact = at::randn({3}, at::kDouble);
  EXPECT_TRUE(shadow.of(exact).is_same(exact));
}

}  // namespace layers_test
}  // namespace shalab
