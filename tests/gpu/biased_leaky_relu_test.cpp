#include "nn/biased_leaky_relu.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "biased_twins.h"
#include "shalab/error.h"
#include "shalab/nn/layers.h"
#include "twins.h"

namespace shalab {
namespace biased_leaky_relu_test {

using gpu_tests::BiasedTwin;

constexpr double kSlopes[] = {0.0, 0.2};
constexpr auto kLast = at::MemoryFormat::ChannelsLast;

at::Tensor by_aten(const at::Tensor& x, const at::Tensor& bias, double slope) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[1] = -1;
  const at::Tensor sum = x + bias.view(shape);
  return slope == 0 ? at::relu(sum) : at::leaky_relu(sum, slope);
}

struct Outcome {
  at::Tensor activated, x, bias;
};

// The value, and the gradients of x and bias from a random one.
template <class Function>
Outcome outcome_of(const Function& function, const at::Tensor& x,
                   const at::Tensor& bias, double slope) {
  const at::Tensor from = x.detach().requires_grad_();
  const at::Tensor by = bias.detach().requires_grad_();
  const at::Tensor activated = function(from, by, slope);
  at::manual_seed(7);
  const auto gradients = torch::autograd::grad({activated}, {from, by},
                                               {at::randn_like(activated)});
  return {activated.detach(), gradients[0], gradients[1]};
}

void expect_equal(const Outcome& a, const Outcome& b) {
  EXPECT_TRUE(a.activated.equal(b.activated));
  EXPECT_TRUE(a.x.equal(b.x));
  EXPECT_TRUE(a.bias.equal(b.bias));
}

TEST(BiasedLeakyRelu, OnACpuHasTheBitsOfATen) {
  for (const double slope : kSlopes) {
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
      const at::Tensor bias = at::randn({5}).to(type);
      const at::Tensor pictures = at::randn({2, 5, 3, 7}).to(type);
      for (const at::Tensor& x :
           {pictures, pictures.contiguous(kLast), at::randn({6, 5}).to(type),
            at::randn({4, 5, 3}).to(type)}) {
        const Outcome own = outcome_of(nn::biased_leaky_relu, x, bias, slope);
        expect_equal(own, outcome_of(by_aten, x, bias, slope));
        EXPECT_EQ(own.activated.strides(), x.strides());
      }
    }
  }
}

TEST(BiasedLeakyRelu, OfAnEmptyBatchIsEmpty) {
  const Outcome none = outcome_of(nn::biased_leaky_relu,
                                  at::empty({0, 3, 4, 4}), at::ones({3}), 0.2);
  EXPECT_EQ(none.activated.sizes(), at::IntArrayRef({0, 3, 4, 4}));
  EXPECT_EQ(none.x.sizes(), at::IntArrayRef({0, 3, 4, 4}));
  EXPECT_TRUE(none.bias.equal(at::zeros({3})));
}

TEST(BiasedLeakyRelu, OfAFixedBiasGivesTheGradientOfX) {
  const at::Tensor x = at::randn({3, 4, 2, 2}).requires_grad_();
  const at::Tensor bias = at::randn({4});
  nn::biased_leaky_relu(x, bias, 0.2).sum().backward();
  const at::Tensor own = x.grad().clone();
  x.mutable_grad().reset();
  by_aten(x, bias, 0.2).sum().backward();
  EXPECT_TRUE(own.equal(x.grad()));
}

TEST(BiasedLeakyRelu, RefusesOtherBiasesAndSlopesBelowZero) {
  const at::Tensor x = at::randn({2, 3, 4, 4});
  EXPECT_THROW(nn::biased_leaky_relu(x, at::ones({3}), -0.1), Error);
  EXPECT_THROW(nn::biased_leaky_relu(x, at::ones({1}), 0.1), Error);
  EXPECT_THROW(nn::biased_leaky_relu(x, at::ones({3}, at::kDouble), 0), Error);
  EXPECT_THROW(nn::biased_leaky_relu(at::ones({3}), at::ones({3}), 0), Error);
}

// All of x and bias, by central differences; sums are 0.1 or more from 0.
TEST(BiasedLeakyRelu, HasTheGradientOfFiniteDifferences) {
  const at::Tensor x =
      at::arange(-11.7, 12, 1.0, at::kDouble).view({2, 3, 2, 2});
  const at::Tensor bias = at::tensor({0.1, -0.1, 0.4}, at::kDouble);
  const double step = 1e-3;
  for (const double slope : kSlopes) {
    const auto loss = [&](const at::Tensor& from, const at::Tensor& by) {
      at::manual_seed(7);
      const at::Tensor y = nn::biased_leaky_relu(from, by, slope);
      return (y * at::randn_like(y)).sum().item<double>();
    };
    const Outcome own = outcome_of(nn::biased_leaky_relu, x, bias, slope);
    const auto expect_differences = [&](const at::Tensor& at,
                                        const at::Tensor& gradient) {
      for (std::int64_t i = 0; i < at.numel(); ++i) {
        double& value = at.mutable_data_ptr<double>()[i];
        const double before = value;
        value = before + step;
        const double above = loss(x, bias);
        value = before - step;
        const double below = loss(x, bias);
        value = before;
        EXPECT_NEAR(gradient.flatten()[i].item<double>(),
                    (above - below) / (2 * step), 1e-9);
      }
    };
    expect_differences(x, own.x);
    expect_differences(bias, own.bias);
  }
}

TEST(BiasedLeakyRelu, HasASecondDerivative) {
  const auto second = [](const auto& function, double slope) {
    const at::Tensor x =
        at::linspace(-2, 2, 24, at::kDouble).view({2, 3, 2, 2});
    x.requires_grad_();
    const at::Tensor bias = at::tensor({0.3, -0.2, 0.1}, at::kDouble);
    bias.requires_grad_();
    const at::Tensor value = function(x.square(), bias.exp(), slope).pow(3);
    const auto first =
        torch::autograd::grad({value.sum()}, {x, bias}, {}, true, true);
    return torch::autograd::grad(
        {first[0].square().sum() + first[1].square().sum()}, {x, bias});
  };
  for (const double slope : kSlopes) {
    const auto a = second(nn::biased_leaky_relu, slope);
    const auto b = second(by_aten, slope);
    EXPECT_TRUE(at::allclose(a[0], b[0]));
    EXPECT_TRUE(at::allclose(a[1], b[1]));
  }
}

// One row, odd numbers of channels, several tiles, more pieces (133) and more
// rows (5 of the last) than a thread reads at once, rows [N, C].
const std::vector<std::vector<std::int64_t>> kShapes{
    {1, 1, 1, 1},   {1, 64, 1, 1},   {2, 5, 3, 7},      {3, 24, 7, 5},
    {8, 3, 33, 31}, {2, 1056, 3, 2}, {5, 301, 2, 3},    {8, 16, 46, 46},
    {7, 40},        {1, 1288, 1, 1}, {17, 301, 11, 11},
};

at::MemoryFormat order_of(const at::Tensor& x) {
  return x.dim() == 4 ? kLast : at::MemoryFormat::Contiguous;
}

at::Tensor rows_of_channels(at::IntArrayRef sizes, at::ScalarType type) {
  const at::Tensor x = at::randn(sizes).to(type);
  return x.contiguous(order_of(x));
}

// function(twin), in packs where the kernel takes them.
template <typename Element, class Function>
void with_twin(const at::Tensor& x, double slope, const Function& function) {
  constexpr int kPack = 16 / sizeof(Element);
  if (x.size(1) % kPack == 0) {
    function(BiasedTwin<Element, kPack>::of(x, slope));
  } else {
    function(BiasedTwin<Element, 1>::of(x, slope));
  }
}

// To fp32's rounding of each addition and, of the result, to `rounding`.
void expect_sum_by_channel(const at::Tensor& sum, const at::Tensor& x,
                           double rounding) {
  const at::Tensor rows =
      x.to(at::kDouble).transpose(0, 1).reshape({x.size(1), -1});
  const at::Tensor exact = rows.sum(1);
  const at::Tensor limit = 1e-6 * rows.abs().sum(1) + rounding * exact.abs();
  EXPECT_TRUE(((sum - exact).abs() <= limit).all().item<bool>());
}

template <typename Element>
void expect_twin_is_aten(at::ScalarType type, double rounding) {
  for (const auto& sizes : kShapes) {
    for (const double slope : kSlopes) {
      SCOPED_TRACE(testing::Message() << at::IntArrayRef(sizes) << slope);
      const at::Tensor x = rows_of_channels(sizes, type);
      const at::Tensor gradient = rows_of_channels(sizes, type);
      const at::Tensor bias = at::randn({x.size(1)}).to(type);
      with_twin<Element>(x, slope, [&](const auto& twin) {
        const at::Tensor own = twin.activated(x, bias);
        const at::Tensor aten = by_aten(x, bias, slope);
        EXPECT_TRUE(at::allclose(own, aten, 4 * rounding, 4 * rounding));
        const auto [to_x, to_bias] = twin.gradients(own, gradient);
        EXPECT_TRUE(to_x.equal(std::get<0>(
            formula::biased_leaky_relu_backward(own, gradient, slope))));
        expect_sum_by_channel(to_bias, to_x, rounding);
      });
    }
  }
}

// In fp32 to the bit but for the sums. In bf16 ATen rounds the value twice.
TEST(BiasedLeakyRelu, OfTheTwinIsATens) {
  at::manual_seed(1);
  expect_twin_is_aten<float>(at::kFloat, 0.0);
  expect_twin_is_aten<at::BFloat16>(at::kBFloat16, 1.0 / 256);
}

TEST(BiasedLeakyRelu, OfTheTwinPassesOnWhatIsNoNumber) {
  const double infinity = INFINITY;
  const at::Tensor x = at::tensor({-infinity, NAN, infinity, -1.0}, at::kFloat);
  const auto twin = BiasedTwin<float, 4>::of(x.view({1, 4}), 0.0);
  const at::Tensor own = twin.activated(x.view({1, 4}), at::zeros({4}));
  EXPECT_TRUE(at::allclose(own, at::relu(x).view({1, 4}), 0, 0, true));
}

struct OnGpu {
  at::Tensor activated, x, bias;
};

// By the operators, from the tensors of a CPU.
OnGpu on_gpu(const at::Tensor& x, const at::Tensor& bias,
             const at::Tensor& activated, const at::Tensor& gradient,
             double slope) {
  using Forward = decltype(formula::biased_leaky_relu);
  using Backward = decltype(formula::biased_leaky_relu_backward);
  const auto forward = gpu_tests::operator_of<Forward>("biased_leaky_relu");
  const auto backward =
      gpu_tests::operator_of<Backward>("biased_leaky_relu_backward");
  const auto there = [](const at::Tensor& one) { return one.to(at::kCUDA); };
  const at::Tensor value = forward.call(there(x), there(bias), slope);
  const auto [to_x, to_bias] =
      backward.call(there(activated), there(gradient), slope);
  return {value.cpu(), to_x.cpu(), to_bias.cpu()};
}

template <typename Element>
void expect_kernel_is_twin(at::ScalarType type) {
  for (const auto& sizes : kShapes) {
    for (const double slope : kSlopes) {
      SCOPED_TRACE(testing::Message() << at::IntArrayRef(sizes) << slope);
      const at::Tensor x = rows_of_channels(sizes, type);
      const at::Tensor gradient = rows_of_channels(sizes, type);
      const at::Tensor bias = at::randn({x.size(1)}).to(type);
      with_twin<Element>(x, slope, [&](const auto& twin) {
        const at::Tensor activated = twin.activated(x, bias);
        const auto [to_x, to_bias] = twin.gradients(activated, gradient);
        for (const at::Tensor& order : {gradient, gradient.contiguous()}) {
          const OnGpu own = on_gpu(x, bias, activated, order, slope);
          EXPECT_TRUE(own.activated.equal(activated));
          EXPECT_TRUE(own.x.equal(to_x));
          EXPECT_TRUE(own.bias.equal(to_bias));
          EXPECT_TRUE(own.x.is_contiguous(order_of(x)));
        }
      });
    }
  }
}

TEST(BiasedLeakyRelu, OnAGpuHasTheTwinsBits) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  expect_kernel_is_twin<float>(at::kFloat);
  expect_kernel_is_twin<at::BFloat16>(at::kBFloat16);
}

// Addresses between packs; other number formats and orders in memory.
TEST(BiasedLeakyRelu, OnAGpuServesWhatLiesOtherwise) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  const at::Tensor bias = at::randn({8});
  const at::Tensor shifted =
      at::randn({1 + 6 * 8}, at::kCUDA).narrow(0, 1, 6 * 8).view({6, 8});
  for (const at::Tensor& x :
       {shifted, at::randn({2, 8, 3, 3}, at::kCUDA),
        at::randn({2, 8, 3, 3}, at::kCUDA).to(at::kDouble),
        at::randn({2, 8, 5}, at::kCUDA), at::empty({0, 8, 2, 2}, at::kCUDA)}) {
    const at::Tensor by = bias.to(x.scalar_type());
    const Outcome own =
        outcome_of(nn::biased_leaky_relu, x, by.to(at::kCUDA), 0.2);
    const at::Tensor aten = by_aten(x.cpu(), by, 0.2);
    EXPECT_TRUE(at::allclose(own.activated.cpu(), aten));
    EXPECT_EQ(own.x.sizes(), x.sizes());
    expect_sum_by_channel(own.bias.cpu(), own.x.cpu(), 1e-6);
  }
}

// A layer on a GPU against itself on a CPU, in value and each gradient, to what
// products in TF32 leave of the largest.
template <typename Layer>
void expect_activated_is_the_cpus(Layer layer, bool is_upsampled) {
  const auto run = [&](at::Device device) {
    layer->zero_grad();
    layer->to(device);
    at::manual_seed(3);
    const at::Tensor input = at::randn({2, 8, 6, 6}).contiguous(kLast);
    const at::Tensor x = input.to(device).requires_grad_();
    at::Tensor y;
    if constexpr (std::is_same_v<Layer, nn::Conv2d>) {
      y = is_upsampled ? layer->forward_upsampled_activated(x, 0.2)
                       : layer->forward_activated(x, 0.2);
    } else {
      y = layer->forward_activated(x, 0.2);
    }
    y.square().sum().backward();
    std::vector<at::Tensor> all{y.detach().cpu(), x.grad().cpu()};
    for (auto& parameter : layer->parameters()) {
      all.push_back(parameter.grad().cpu());
    }
    return all;
  };
  const auto here = run(at::kCPU), there = run(at::kCUDA);
  for (std::size_t i = 0; i < here.size(); ++i) {
    const at::Tensor difference = (there[i] - here[i]).abs().max();
    const at::Tensor share = difference / here[i].abs().max();
    EXPECT_LE(share.template item<double>(), 1e-2) << i;
  }
}

TEST(ActivatedConvolution, OnAGpuIsTheCpus) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  for (const bool has_bias : {true, false}) {
    const auto options = torch::nn::Conv2dOptions(8, 16, 3).padding(1);
    for (const bool is_upsampled : {false, true}) {
      expect_activated_is_the_cpus(
          nn::Conv2d(torch::nn::Conv2dOptions(options).bias(has_bias)),
          is_upsampled);
    }
    expect_activated_is_the_cpus(
        nn::ConvTranspose2d(
            torch::nn::ConvTranspose2dOptions(8, 16, 4).stride(2).bias(
                has_bias)),
        false);
  }
}

}  // namespace biased_leaky_relu_test
}  // namespace shalab
