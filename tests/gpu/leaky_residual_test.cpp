#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "shalab/error.h"
#include "shalab/nn/residual.h"
#include "twins.h"

namespace shalab {
namespace leaky_residual_test {

constexpr double kWeight = 0.1;
constexpr double kSlope = 0.2;

// Value and gradients of both results, weighted by w and v.
struct Outcome {
  at::Tensor sum, activated, x, dx;
};

template <class Function>
Outcome outcome_of(const Function& function, const at::Tensor& x,
                   const at::Tensor& dx) {
  const at::Tensor from = x.detach().requires_grad_();
  const at::Tensor change = dx.detach().requires_grad_();
  const nn::LeakyResidual both = function(from, change);
  at::Tensor loss = (both.activated * (x + 0.5)).sum();
  if (both.sum.defined()) loss = loss + (both.sum * (dx - 0.3)).sum();
  loss.backward();
  return {both.sum, both.activated, from.grad(), change.grad()};
}

nn::LeakyResidual by_aten(const at::Tensor& x, const at::Tensor& dx) {
  const at::Tensor sum = x + kWeight * dx;
  return {sum, at::leaky_relu(sum, kSlope)};
}

nn::LeakyResidual ours(const at::Tensor& x, const at::Tensor& dx) {
  return nn::leaky_residual(x, dx, kWeight, kSlope);
}

void expect_equal(const Outcome& a, const Outcome& b) {
  if (b.sum.defined()) {
    EXPECT_TRUE(a.sum.equal(b.sum));
  }
  EXPECT_TRUE(a.activated.equal(b.activated));
  EXPECT_TRUE(a.x.equal(b.x));
  EXPECT_TRUE(a.dx.equal(b.dx));
}

TEST(LeakyResidual, OnACpuHasTheBitsOfATen) {
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const at::Tensor x = at::randn({2, 5, 3, 7}).to(type);
    const at::Tensor dx = at::randn({2, 5, 3, 7}).to(type);
    expect_equal(outcome_of(ours, x, dx), outcome_of(by_aten, x, dx));
    const auto last = at::MemoryFormat::ChannelsLast;
    const Outcome other =
        outcome_of(ours, x.contiguous(last), dx.contiguous(last));
    expect_equal(other, outcome_of(by_aten, x, dx));
    EXPECT_TRUE(other.activated.is_contiguous(last));
  }
}

TEST(LeakyResidual, AloneIsTheSecondOfThePair) {
  const at::Tensor x = at::randn({33}), dx = at::randn({33});
  const auto alone = [](const at::Tensor& from, const at::Tensor& change) {
    return nn::LeakyResidual{
        {}, nn::activated_residual(from, change, kWeight, kSlope)};
  };
  const auto aten = [](const at::Tensor& from, const at::Tensor& change) {
    return nn::LeakyResidual{{}, by_aten(from, change).activated};
  };
  expect_equal(outcome_of(alone, x, dx), outcome_of(aten, x, dx));
}

TEST(LeakyResidual, ReadsASumThatIsUsedAlone) {
  const at::Tensor x = at::randn({9}).requires_grad_();
  const at::Tensor dx = at::randn({9}).requires_grad_();
  ours(x, dx).sum.sum().backward();
  EXPECT_TRUE(x.grad().equal(at::ones({9})));
  EXPECT_TRUE(at::allclose(dx.grad(), at::full({9}, kWeight)));
}

TEST(LeakyResidual, OfAnEmptyBatchIsEmpty) {
  const Outcome none =
      outcome_of(ours, at::empty({0, 3, 4, 4}), at::empty({0, 3, 4, 4}));
  EXPECT_EQ(none.activated.numel(), 0);
  EXPECT_EQ(none.x.sizes(), at::IntArrayRef({0, 3, 4, 4}));
}

TEST(LeakyResidual, HandlesTermsInDifferentOrders) {
  const at::Tensor x = at::randn({6, 5}), dx = at::randn({5, 6}).t();
  expect_equal(outcome_of(ours, x, dx), outcome_of(by_aten, x, dx));
}

TEST(LeakyResidual, RefusesASlopeBelowZero) {
  const at::Tensor x = at::randn({3});
  EXPECT_THROW(nn::leaky_residual(x, x, kWeight, -0.1), Error);
}

TEST(LeakyResidual, HasASecondDerivative) {
  const auto second = [](const auto& function) {
    const at::Tensor x = at::linspace(-2, 2, 11, at::kDouble).requires_grad_();
    const nn::LeakyResidual both = function(x, x.square());
    const at::Tensor value = (both.activated.square() + both.sum.pow(3)).sum();
    const at::Tensor first =
        torch::autograd::grad({value}, {x}, {}, true, true)[0];
    return torch::autograd::grad({first.square().sum()}, {x})[0];
  };
  EXPECT_TRUE(at::allclose(second(ours), second(by_aten)));
}

template <typename Element>
void expect_twin_is_aten(at::ScalarType type, double tolerance) {
  for (const std::int64_t size : {1, 3, 8, 1023}) {
    const at::Tensor x = at::randn({size}).to(type);
    const at::Tensor dx = at::randn({size}).to(type);
    const auto [sum, activated] =
        gpu_tests::residual_twin<Element>(x, dx, kWeight, kSlope);
    const nn::LeakyResidual aten = by_aten(x, dx);
    EXPECT_TRUE(at::allclose(sum, aten.sum, tolerance, tolerance));
    EXPECT_TRUE(at::allclose(activated, aten.activated, tolerance, tolerance));
    const auto [to_x, to_dx] = gpu_tests::residual_backward_twin<Element>(
        activated, dx, x, kWeight, kSlope);
    const at::Tensor through = at::where(activated > 0, x, x * kSlope) + dx;
    EXPECT_TRUE(at::allclose(to_x, through, tolerance, tolerance));
    EXPECT_TRUE(at::allclose(to_dx, through * kWeight, tolerance, tolerance));
  }
}

// In fp32 to the bit. In bf16 ATen rounds twice, by 2^-8 each.
TEST(LeakyResidual, OfTheTwinIsATens) {
  expect_twin_is_aten<float>(at::kFloat, 0.0);
  expect_twin_is_aten<at::BFloat16>(at::kBFloat16, 0.016);
}

template <typename Element>
void expect_kernel_is_twin(const at::Tensor& x, const at::Tensor& dx) {
  const auto residual =
      gpu_tests::operator_of<gpu_tests::Residual>("leaky_residual");
  const auto backward = gpu_tests::operator_of<gpu_tests::ResidualBackward>(
      "leaky_residual_backward");
  const auto [sum, activated] =
      gpu_tests::residual_twin<Element>(x, dx, kWeight, kSlope);
  const auto there = residual.call(x.to(at::kCUDA), dx.to(at::kCUDA), kWeight,
                                   kSlope, 0, true);
  EXPECT_TRUE(std::get<0>(there).cpu().equal(sum));
  EXPECT_TRUE(std::get<1>(there).cpu().equal(activated));
  for (const at::Tensor& to_sum : {at::Tensor(), dx}) {
    const auto twin = gpu_tests::residual_backward_twin<Element>(
        activated, to_sum, x, kWeight, kSlope);
    std::optional<at::Tensor> carried;
    if (to_sum.defined()) carried = to_sum.to(at::kCUDA);
    const auto gradients =
        backward.call(activated.to(at::kCUDA), carried, x.to(at::kCUDA),
                      kWeight, kSlope, 0, x.sizes());
    EXPECT_TRUE(std::get<0>(gradients).cpu().equal(std::get<0>(twin)));
    EXPECT_TRUE(std::get<1>(gradients).cpu().equal(std::get<1>(twin)));
  }
}

TEST(LeakyResidual, OnAGpuHasTheTwinsBits) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  for (const std::int64_t size : {1, 3, 8, 1023, 1 << 20}) {
    const at::Tensor x = at::randn({size}), dx = at::randn({size});
    expect_kernel_is_twin<float>(x, dx);
    expect_kernel_is_twin<at::BFloat16>(x.to(at::kBFloat16),
                                        dx.to(at::kBFloat16));
  }
}

}  // namespace leaky_residual_test
}  // namespace shalab
