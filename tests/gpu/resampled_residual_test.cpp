#include "arithmetic/resampled_residual.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "shalab/error.h"
#include "shalab/nn/residual_block.h"
#include "twins.h"

namespace shalab {
namespace resampled_residual_test {

using nn::Resample;

constexpr double kWeight = 0.1;
constexpr double kSlope = 0.2;
constexpr auto kLast = at::MemoryFormat::ChannelsLast;
constexpr Resample kBoth[] = {Resample::average_pool, Resample::upsample};

at::Tensor pictures(at::IntArrayRef sizes, at::ScalarType type = at::kFloat) {
  return at::randn(sizes).to(type).contiguous(kLast);
}

at::Tensor unwritten(at::IntArrayRef sizes, const at::Tensor& like) {
  return at::empty(sizes, like.options(), kLast).fill_(NAN);
}

at::Tensor upsampled(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

// dx for an x of these sizes.
std::vector<std::int64_t> change_sizes(at::IntArrayRef sizes,
                                       Resample resample) {
  const std::int64_t times = resample == Resample::upsample ? 2 : 1;
  return {sizes[0], sizes[1], times * sizes[2], times * sizes[3]};
}

nn::LeakyResidual by_aten(const at::Tensor& x, const at::Tensor& dx,
                          Resample resample) {
  const at::Tensor sum = resample == Resample::upsample
                             ? upsampled(x) + kWeight * dx
                             : at::avg_pool2d(x + kWeight * dx, 3, 2, 1);
  return {sum, at::leaky_relu(sum, kSlope)};
}

nn::LeakyResidual ours(const at::Tensor& x, const at::Tensor& dx,
                       Resample resample) {
  return nn::leaky_residual(x, dx, kWeight, kSlope, resample);
}

struct Outcome {
  at::Tensor sum, activated, x, dx;
};

// Both results, and the gradients of x and dx from random ones of theirs.
template <class Function>
Outcome outcome_of(const Function& function, const at::Tensor& x,
                   const at::Tensor& dx, Resample resample) {
  at::manual_seed(7);
  const at::Tensor from = x.detach().requires_grad_();
  const at::Tensor change = dx.detach().requires_grad_();
  const nn::LeakyResidual both = function(from, change, resample);
  const at::Tensor loss = (both.activated * at::randn_like(both.sum)).sum() +
                          (both.sum * at::randn_like(both.sum)).sum();
  loss.backward();
  return {both.sum, both.activated, from.grad(), change.grad()};
}

TEST(ResampledResidual, OnACpuHasTheBitsOfATen) {
  for (const Resample resample : kBoth) {
    for (const auto type : {at::kFloat, at::kDouble}) {
      for (const auto format : {kLast, at::MemoryFormat::Contiguous}) {
        const auto x = pictures({2, 4, 5, 6}, type).contiguous(format);
        const auto dx = pictures(change_sizes(x.sizes(), resample), type)
                            .contiguous(format);
        const Outcome a = outcome_of(ours, x, dx, resample);
        const Outcome b = outcome_of(by_aten, x, dx, resample);
        EXPECT_TRUE(a.sum.equal(b.sum));
        EXPECT_TRUE(a.activated.equal(b.activated));
        EXPECT_TRUE(a.x.equal(b.x));
        EXPECT_TRUE(a.dx.equal(b.dx));
        EXPECT_TRUE(a.sum.is_contiguous(format));
        EXPECT_TRUE(a.x.is_contiguous(format));
      }
    }
  }
}

TEST(ResampledResidual, OfAnEmptyBatchIsEmpty) {
  const at::Tensor none = at::empty({0, 3, 4, 4});
  EXPECT_EQ(ours(none, none, Resample::average_pool).activated.sizes(),
            at::IntArrayRef({0, 3, 2, 2}));
  EXPECT_EQ(ours(none, at::empty({0, 3, 8, 8}), Resample::upsample).sum.sizes(),
            at::IntArrayRef({0, 3, 8, 8}));
}

TEST(ResampledResidual, ActivatedAloneIsTheSecondOfThePair) {
  const auto x = pictures({2, 4, 3, 5}), dx = pictures({2, 4, 6, 10});
  EXPECT_TRUE(nn::activated_residual(x, dx, kWeight, kSlope, Resample::upsample)
                  .equal(ours(x, dx, Resample::upsample).activated));
}

TEST(ResampledResidual, RefusesWhatIsNoPictures) {
  const at::Tensor rows = at::randn({4, 6});
  EXPECT_THROW(ours(rows, rows, Resample::average_pool), Error);
  const at::Tensor x = at::randn({1, 2, 4, 4});
  EXPECT_THROW(ours(x, x, Resample::upsample), Error);
}

TEST(ResampledResidual, HasASecondDerivative) {
  const auto second = [](const auto& function, Resample resample) {
    const at::Tensor x =
        at::linspace(-2, 2, 32, at::kDouble).view({1, 2, 4, 4});
    x.requires_grad_();
    const at::Tensor dx = x.square();
    const nn::LeakyResidual both = function(
        x, resample == Resample::upsample ? upsampled(dx) : dx, resample);
    const at::Tensor value = (both.activated.square() + both.sum.pow(3)).sum();
    const at::Tensor first =
        torch::autograd::grad({value}, {x}, {}, true, true)[0];
    return torch::autograd::grad({first.square().sum()}, {x})[0];
  };
  for (const Resample resample : kBoth) {
    EXPECT_TRUE(
        at::allclose(second(ours, resample), second(by_aten, resample)));
  }
}

// The kernels as loops over their items.
template <typename Element, int size>
struct Twin {
  using Form = gpu::Resampled<Element, size>;

  gpu::ResampleTerms terms;
  bool pools;

  static Twin of(at::IntArrayRef sizes, Resample resample) {
    return {{sizes[0],
             sizes[1],
             {sizes[2], sizes[3]},
             static_cast<float>(kWeight),
             static_cast<float>(kSlope)},
            resample == Resample::average_pool};
  }

  gpu_tests::Pair results(const at::Tensor& x, const at::Tensor& dx) const {
    const auto grid = pools ? gpu::pooled_grid(terms.grid) : terms.grid;
    std::vector<std::int64_t> sizes = dx.sizes().vec();
    if (pools) sizes = {sizes[0], sizes[1], grid.height, grid.width};
    const auto sum = unwritten(sizes, x), activated = unwritten(sizes, x);
    for (std::int64_t i = 0; i < Form::num_items(terms, grid); ++i) {
      (pools ? Form::average_pool : Form::upsample)(
          terms, i, x.const_data_ptr<Element>(), dx.const_data_ptr<Element>(),
          {sum.mutable_data_ptr<Element>(),
           activated.mutable_data_ptr<Element>()});
    }
    return {sum, activated};
  }

  gpu_tests::Pair gradients(const at::Tensor& activated,
                            const at::Tensor& to_sum,
                            const at::Tensor& to_activated) const {
    const std::vector<std::int64_t> sizes{terms.batch, terms.channels,
                                          terms.grid.height, terms.grid.width};
    const auto x = unwritten(sizes, activated);
    const auto dx = unwritten(
        pools ? sizes : change_sizes(sizes, Resample::upsample), activated);
    for (std::int64_t i = 0; i < Form::num_items(terms, terms.grid); ++i) {
      (pools ? Form::average_pool_backward : Form::upsample_backward)(
          terms, i,
          {activated.const_data_ptr<Element>(),
           to_sum.defined() ? to_sum.const_data_ptr<Element>() : nullptr,
           to_activated.const_data_ptr<Element>(),
           x.mutable_data_ptr<Element>(), dx.mutable_data_ptr<Element>()});
    }
    return {x, dx};
  }
};

gpu_tests::Pair formula_gradients(const at::Tensor& activated,
                                  const at::Tensor& to_sum,
                                  const at::Tensor& to_activated,
                                  Resample resample, at::IntArrayRef sizes) {
  const auto backward = gpu_tests::operator_of<gpu_tests::ResidualBackward>(
      "leaky_residual_backward");
  std::optional<at::Tensor> carried;
  if (to_sum.defined()) carried = to_sum;
  return backward.call(activated, carried, to_activated, kWeight, kSlope,
                       static_cast<std::int64_t>(resample), sizes);
}

template <typename Element, int size>
void expect_twin_is_aten(at::IntArrayRef sizes, double tolerance) {
  const auto type = c10::CppTypeToScalarType<Element>::value;
  const auto near = [tolerance](const at::Tensor& a, const at::Tensor& b) {
    return at::allclose(a.to(at::kFloat), b.to(at::kFloat), tolerance,
                        tolerance);
  };
  for (const Resample resample : kBoth) {
    const auto twin = Twin<Element, size>::of(sizes, resample);
    const auto x = pictures(sizes, type);
    const auto dx = pictures(change_sizes(sizes, resample), type);
    const auto [sum, activated] = twin.results(x, dx);
    const auto aten = by_aten(x, dx, resample);
    EXPECT_TRUE(near(sum, aten.sum));
    EXPECT_TRUE(near(activated, aten.activated));
    const auto above = pictures(sum.sizes(), type);
    for (const at::Tensor& to_sum :
         {at::Tensor(), pictures(sum.sizes(), type)}) {
      const auto [to_x, to_dx] = twin.gradients(activated, to_sum, above);
      const auto formula =
          formula_gradients(activated, to_sum, above, resample, sizes);
      EXPECT_TRUE(near(to_x, std::get<0>(formula)));
      EXPECT_TRUE(near(to_dx, std::get<1>(formula)));
    }
  }
}

// Every place is written, at odd sizes too. In fp32 but for the order of sums;
// in bf16 ATen rounds more often, by 2^-8 each.
TEST(ResampledResidual, OfTheTwinIsATens) {
  for (const std::int64_t height : {1, 2, 5, 8}) {
    for (const std::int64_t width : {1, 4, 7}) {
      expect_twin_is_aten<float, 4>({3, 8, height, width}, 1e-6);
      expect_twin_is_aten<at::BFloat16, 8>({2, 16, height, width}, 0.016);
    }
  }
}

template <typename Element, int size>
void expect_kernel_is_twin(at::IntArrayRef sizes) {
  const auto type = c10::CppTypeToScalarType<Element>::value;
  const auto residual =
      gpu_tests::operator_of<gpu_tests::Residual>("leaky_residual");
  for (const Resample resample : kBoth) {
    const auto twin = Twin<Element, size>::of(sizes, resample);
    const auto x = pictures(sizes, type);
    const auto dx = pictures(change_sizes(sizes, resample), type);
    const auto [sum, activated] = twin.results(x, dx);
    const auto there =
        residual.call(x.to(at::kCUDA), dx.to(at::kCUDA), kWeight, kSlope,
                      static_cast<std::int64_t>(resample), true);
    EXPECT_TRUE(std::get<0>(there).cpu().equal(sum));
    EXPECT_TRUE(std::get<1>(there).cpu().equal(activated));
    const auto above = pictures(sum.sizes(), type);
    const auto [to_x, to_dx] = twin.gradients(activated, sum, above);
    const auto gradients =
        formula_gradients(activated.to(at::kCUDA), sum.to(at::kCUDA),
                          above.to(at::kCUDA), resample, sizes);
    EXPECT_TRUE(std::get<0>(gradients).cpu().equal(to_x));
    EXPECT_TRUE(std::get<1>(gradients).cpu().equal(to_dx));
  }
}

TEST(ResampledResidual, OnAGpuHasTheTwinsBits) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  for (const std::int64_t side : {1, 7, 28}) {
    expect_kernel_is_twin<float, 4>({16, 64, side, side});
    expect_kernel_is_twin<at::BFloat16, 8>({16, 64, side, side + 1});
  }
}

// Published form: at::upsample_nearest2d or at::avg_pool2d between two blocks.
at::Tensor block_formula(const nn::ResidualBlock& block, const at::Tensor& in) {
  const auto parts = block->named_parameters();
  const auto conv = [&](const at::Tensor& h, const std::string& name) {
    return at::conv2d(h, parts[name + ".weight"], parts[name + ".bias"], 1, 1);
  };
  const at::Tensor change =
      conv(at::leaky_relu(conv(at::leaky_relu(in, kSlope), "first"), kSlope),
           "second");
  const at::Tensor* shortcut = parts.find("shortcut.weight");
  return (shortcut != nullptr ? at::conv2d(in, *shortcut) : in) +
         kWeight * change;
}

void expect_block(nn::ResidualBlock& block, const nn::LeakyResidual& in,
                  const at::Tensor& expected) {
  const auto near = [](const at::Tensor& a, const at::Tensor& b) {
    return at::allclose(a, b, 1e-5, 1e-6);
  };
  const at::Tensor activated = at::leaky_relu(expected, kSlope);
  EXPECT_TRUE(near(block->sum(in), expected));
  EXPECT_TRUE(near(block->activation(in), activated));
  const nn::LeakyResidual both = block->forward(in);
  EXPECT_TRUE(near(both.sum, expected));
  EXPECT_TRUE(near(both.activated, activated));
}

TEST(ResidualBlock, AfterPoolingIsTheFormula) {
  nn::ResidualBlock first(4, 6), second(6, 6);
  const at::Tensor x = at::randn({2, 4, 6, 6});
  const at::Tensor between = at::avg_pool2d(block_formula(first, x), 3, 2, 1);
  expect_block(second,
               first->forward_pooled(nn::ResidualBlockImpl::activated(x)),
               block_formula(second, between));
}

TEST(ResidualBlock, AfterUpsamplingIsTheFormula) {
  for (const std::int64_t out : {4, 6}) {
    nn::ResidualBlock first(4, 6);
    nn::ResidualBlock second(6, out, nn::ResidualBlockImpl::Input::upsampled);
    const at::Tensor x = at::randn({2, 4, 5, 6});
    expect_block(second, first->forward(nn::ResidualBlockImpl::activated(x)),
                 block_formula(second, upsampled(block_formula(first, x))));
  }
}

TEST(ResidualBlock, IsNotPooledAfterUpsampling) {
  nn::ResidualBlock block(4, 4, nn::ResidualBlockImpl::Input::upsampled);
  const at::Tensor x = at::randn({1, 4, 2, 2});
  EXPECT_THROW(block->forward_pooled(nn::ResidualBlockImpl::activated(x)),
               Error);
}

}  // namespace resampled_residual_test
}  // namespace shalab
