#include "shalab/nn/expert_head.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab {
namespace expert_head_test {

Posterior of(const ExpertOptions& options, double factor = 1,
             std::int64_t latent = 4) {
  at::manual_seed(1);
  ExpertHead head(options, 3, latent);
  return head->forward(factor * at::randn({5, 3}));
}

// The raw outputs of the same head.
at::Tensor raw_scale(ExpertHead& head, const at::Tensor& features) {
  const auto p = head->named_parameters();
  return at::linear(features, p["scale.weight"], p["scale.bias"]);
}

TEST(ExpertHead, GivesRawLogVariances) {
  ExpertHead head(ExpertOptions{}, 3, 4);
  const at::Tensor h = at::randn({5, 3});
  const Posterior q = head->forward(h);
  const auto p = head->named_parameters();
  EXPECT_TRUE(at::allclose(
      q.mean(), at::linear(h, p["location.weight"], p["location.bias"])));
  EXPECT_TRUE(at::allclose(q.log_var(), raw_scale(head, h)));
}

TEST(ExpertHead, ClampsLogVariances) {
  const at::Tensor log_var = of({}, 1e4).log_var();
  EXPECT_EQ(log_var.min().item<float>(), -12.0f);
  EXPECT_EQ(log_var.max().item<float>(), 8.0f);
}

TEST(ExpertHead, SoftmaxScalesHaveMeanOne) {
  const Posterior laplace = of({"laplace", "softmax"});
  EXPECT_EQ(laplace.family(), Posterior::Family::laplace);
  const at::Tensor b = (laplace.variance() / 2).sqrt();
  EXPECT_TRUE(at::allclose(b.mean(1), at::ones(5), 1e-5, 1e-5));
  const at::Tensor deviation = of({"normal", "softmax"}).variance().sqrt();
  EXPECT_TRUE(at::allclose(deviation.mean(1), at::ones(5), 1e-5, 1e-5));
}

TEST(ExpertHead, SoftplusScalesArePositive) {
  ExpertHead head(ExpertOptions{"laplace", "softplus"}, 3, 4);
  const at::Tensor h = at::randn({5, 3});
  const at::Tensor b = (head->forward(h).variance() / 2).sqrt();
  EXPECT_TRUE(at::allclose(b, at::softplus(raw_scale(head, h)) + 1e-6));
  const at::Tensor far = of({"laplace", "softplus"}, 1e4).variance();
  EXPECT_GT(far.min().item<float>(), 0.0f);
}

TEST(ExpertHead, ComputesInSinglePrecision) {
  ExpertHead head(ExpertOptions{}, 3, 4);
  head->to(at::kBFloat16);
  const Posterior q = head->forward(at::randn({5, 3}).to(at::kBFloat16));
  EXPECT_EQ(q.mean().scalar_type(), at::kFloat);
  EXPECT_EQ(q.log_var().scalar_type(), at::kFloat);
}

TEST(ExpertHead, RefusesLaplaceWithLogVar) {
  try {
    ExpertHead(ExpertOptions{"laplace", "log_var"}, 3, 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.hint().find("softmax"), std::string::npos);
  }
}

}  // namespace expert_head_test
}  // namespace shalab
