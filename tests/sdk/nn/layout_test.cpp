#include "shalab/nn/layout.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace shalab::nn {
namespace layout_test {

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

// The gradient that reaches maps from rows weighted by a cubic's derivative.
at::Tensor gradient_of(const at::Tensor& maps, const at::Tensor& rows) {
  return torch::autograd::grad({(rows.pow(3)).sum()}, {maps}, {}, true,
                               true)[0];
}

TEST(Flattened, HasTheRowsAndTheGradientOfFlatten) {
  for (const auto format : {at::MemoryFormat::Contiguous, kLast}) {
    const at::Tensor maps =
        at::randn({2, 3, 4, 5}).contiguous(format).requires_grad_();
    const at::Tensor ours = flattened(maps), plain = maps.flatten(1);
    EXPECT_TRUE(ours.equal(plain));
    const at::Tensor first = gradient_of(maps, ours);
    EXPECT_TRUE(first.equal(gradient_of(maps, plain)));
    EXPECT_TRUE(torch::autograd::grad({first.square().sum()}, {maps})[0].equal(
        torch::autograd::grad({gradient_of(maps, plain).square().sum()},
                              {maps})[0]));
  }
}

TEST(Flattened, GradientHasTheOrderOfTheMaps) {
  const at::Tensor maps =
      at::randn({2, 3, 4, 5}).contiguous(kLast).requires_grad_();
  EXPECT_TRUE(gradient_of(maps, flattened(maps)).is_contiguous(kLast));
  EXPECT_FALSE(gradient_of(maps, maps.flatten(1)).is_contiguous(kLast));
  const at::Tensor broadcast =
      torch::autograd::grad({flattened(maps).sum()}, {maps})[0];
  EXPECT_TRUE(broadcast.equal(at::ones_like(maps)));
}

TEST(Flattened, TakesMapsOfOnePlaceAndNone) {
  EXPECT_EQ(flattened(at::ones({2, 3, 1, 1})).sizes(), at::IntArrayRef({2, 3}));
  EXPECT_EQ(flattened(at::ones({0, 3, 2, 2}).contiguous(kLast)).sizes(),
            at::IntArrayRef({0, 12}));
}

}  // namespace layout_test
}  // namespace shalab::nn
