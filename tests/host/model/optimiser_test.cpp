#include "model/optimiser.h"

#include <gtest/gtest.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>

#include <memory>

namespace shalab {
namespace optimiser_test {

constexpr double kRate = 0.01;
constexpr int kSteps = 4;

std::unique_ptr<torch::optim::Optimizer> naive(const std::string& kind,
                                               const at::Tensor& weight) {
  if (kind == "adamw") {
    return std::make_unique<torch::optim::AdamW>(
        std::vector{weight},
        torch::optim::AdamWOptions(kRate).weight_decay(0.0));
  }
  return std::make_unique<torch::optim::Adam>(
      std::vector{weight},
      torch::optim::AdamOptions(kRate).amsgrad(kind == "amsgrad"));
}

struct Case {
  const char* kind;
  at::MemoryFormat weight;
  at::MemoryFormat gradient;
};

class OptimiserLayouts : public testing::TestWithParam<Case> {};

TEST_P(OptimiserLayouts, EqualAdamOfContiguousWeights) {
  const auto [kind, weight_format, gradient_format] = GetParam();
  torch::manual_seed(1);
  const at::Tensor start = torch::randn({8, 4, 3, 3});
  const at::Tensor plain = start.clone().requires_grad_();
  const at::Tensor weight =
      start.clone().contiguous(weight_format).requires_grad_();
  const auto reference = naive(kind, plain);
  OptimiserOptions options;
  options.kind = kind;
  options.learning_rate = kRate;
  Optimiser optimiser({weight}, options);
  for (int i = 0; i < kSteps; ++i) {
    const at::Tensor gradient = torch::randn_like(start);
    plain.mutable_grad() = gradient;
    weight.mutable_grad() = gradient.contiguous(gradient_format);
    reference->step();
    optimiser.step(1.0);
  }
  EXPECT_TRUE(weight.is_contiguous(weight_format));
  EXPECT_TRUE(at::allclose(weight, plain, 1e-5, 1e-6))
      << (weight - plain).abs().max().item<double>();
  EXPECT_EQ(optimiser.state().at("mean.0").sizes(), start.sizes());
}

constexpr auto kPlain = at::MemoryFormat::Contiguous;
constexpr auto kLast = at::MemoryFormat::ChannelsLast;

INSTANTIATE_TEST_SUITE_P(
    Kinds, OptimiserLayouts,
    testing::Values(Case{"adam", kPlain, kPlain}, Case{"adam", kPlain, kLast},
                    Case{"adam", kLast, kPlain}, Case{"adam", kLast, kLast},
                    Case{"adamw", kLast, kPlain}, Case{"adamw", kLast, kLast},
                    Case{"amsgrad", kLast, kPlain},
                    Case{"amsgrad", kLast, kLast}));

TEST(Optimiser, AWeightWithoutGradientKeepsItsValue) {
  const at::Tensor weight = torch::ones({2, 3, 3, 3})
                                .contiguous(at::MemoryFormat::ChannelsLast)
                                .requires_grad_();
  Optimiser optimiser({weight}, {});
  optimiser.step(1.0);
  EXPECT_TRUE(at::equal(weight, torch::ones({2, 3, 3, 3})));
}

}  // namespace optimiser_test
}  // namespace shalab
