#include "shalab/nn/denoisers.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab::nn {
namespace denoisers_test {

DenoiserOptions small() {
  DenoiserOptions options;
  options.latent = 8;
  options.width = 16;
  options.blocks = 2;
  options.heads = 4;
  options.tokens = 4;
  return options;
}

using Make = std::shared_ptr<Denoiser> (*)(const DenoiserOptions&);

class EveryDenoiser : public testing::TestWithParam<Make> {
 protected:
  void SetUp() override {
    at::manual_seed(3);
    z_ = at::randn({5, 8});
    time_ = at::arange(5, at::kFloat) * 100;
    condition_ = at::randn({5, 16});
  }
  // Away from the zero start, so that every path matters.
  static void shake(Denoiser& denoiser) {
    const at::NoGradGuard no_grad;
    for (auto& p : denoiser.parameters()) p.add_(at::randn_like(p) * 0.1);
  }
  at::Tensor z_, time_, condition_;
};

TEST_P(EveryDenoiser, StartsAtZero) {
  const auto denoiser = GetParam()(small());
  const auto y = denoiser->forward(z_, time_, condition_);
  EXPECT_EQ(y.sizes(), z_.sizes());
  EXPECT_EQ(y.abs().max().item<float>(), 0.0f);
}

TEST_P(EveryDenoiser, ReadsLatentTimeAndCondition) {
  const auto denoiser = GetParam()(small());
  shake(*denoiser);
  const auto y = denoiser->forward(z_, time_, condition_);
  const auto differs = [&](const at::Tensor& other) {
    return (other - y).abs().max().item<float>() > 1e-4f;
  };
  EXPECT_TRUE(differs(denoiser->forward(z_ + 1, time_, condition_)));
  EXPECT_TRUE(differs(denoiser->forward(z_, time_ + 50, condition_)));
  EXPECT_TRUE(differs(denoiser->forward(z_, time_, condition_ + 1)));
}

TEST_P(EveryDenoiser, RowsDoNotMix) {
  const auto denoiser = GetParam()(small());
  shake(*denoiser);
  const auto all = denoiser->forward(z_, time_, condition_);
  const auto one = denoiser->forward(z_.narrow(0, 2, 1), time_.narrow(0, 2, 1),
                                     condition_.narrow(0, 2, 1));
  EXPECT_TRUE(at::allclose(all.narrow(0, 2, 1), one, 1e-4, 1e-5));
}

TEST_P(EveryDenoiser, OneConditionServesAllRows) {
  const auto denoiser = GetParam()(small());
  shake(*denoiser);
  const auto time = at::full({1}, 40.0);
  const auto one = condition_.narrow(0, 0, 1);
  EXPECT_TRUE(at::allclose(denoiser->forward(z_, time, one),
                           denoiser->forward(z_, time, one.expand({5, 16})),
                           1e-4, 1e-5));
}

TEST_P(EveryDenoiser, OneTimeServesAllRows) {
  const auto denoiser = GetParam()(small());
  shake(*denoiser);
  const auto y = denoiser->forward(z_, at::full({1}, 40.0), condition_);
  const auto each = denoiser->forward(z_, at::full({5}, 40.0), condition_);
  EXPECT_TRUE(at::allclose(y, each, 1e-4, 1e-5));
}

TEST_P(EveryDenoiser, RunsInBfloat16) {
  const auto denoiser = GetParam()(small());
  shake(*denoiser);
  const auto exact = denoiser->forward(z_, time_, condition_);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto rough = denoiser->forward(z_, time_, condition_);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(rough.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(rough, exact));
  EXPECT_TRUE(
      at::allclose(rough, exact, 0.05, 0.05 * exact.abs().max().item<float>()));
  rough.sum().backward();
}

TEST_P(EveryDenoiser, AllParametersGetAGradient) {
  const auto denoiser = GetParam()(small());
  shake(*denoiser);
  denoiser->forward(z_, time_, condition_).square().sum().backward();
  for (const auto& item : denoiser->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<float>(), 0.0f)
        << item.key();
  }
}

INSTANTIATE_TEST_SUITE_P(Denoisers, EveryDenoiser,
                         testing::Values(&make_mlp_denoiser,
                                         &make_transformer_denoiser));

TEST(MlpDenoiser, HasTheParametersOfItsDrawing) {
  std::int64_t count = 0;
  for (const auto& p : make_mlp_denoiser(small())->parameters()) {
    count += p.numel();
  }
  // input 8*16+16; time 256*16+16 and 16*16+16; modulation 16*(8*16)+8*16;
  // 2 blocks of 16*32+32 and 32*16+16; output 16*8+8
  EXPECT_EQ(count, 144 + 4112 + 272 + 2176 + 2 * (544 + 528) + 136);
}

TEST(TransformerDenoiser, RefusesHeadsAndTokensThatDoNotDivide) {
  auto options = small();
  options.heads = 3;
  try {
    make_transformer_denoiser(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("heads"), std::string::npos);
  }
  options = small();
  options.tokens = 5;
  EXPECT_THROW(make_transformer_denoiser(options), Error);
}

TEST(TimeEmbedding, TellsTimesApart) {
  TimeEmbedding embedding(16);
  const auto y = embedding.forward(at::tensor({0.0f, 1.0f, 500.0f}));
  EXPECT_EQ(y.size(1), 16);
  EXPECT_GT((y[0] - y[1]).abs().max().item<float>(), 0.0f);
  EXPECT_GT((y[1] - y[2]).abs().max().item<float>(), 0.0f);
}

}  // namespace denoisers_test
}  // namespace shalab::nn
