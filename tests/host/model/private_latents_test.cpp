#include "model/private_latents.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab {
namespace private_latents_test {

PrivateLatents make(const ExpertOptions& expert) {
  return {{3, expert}, {"photo", "word"}, {4, 5}};
}

TEST(PrivateLatents, PosteriorAndPriorShareTheFamily) {
  for (const ExpertOptions& expert : {ExpertOptions{"normal", "log_var"},
                                      ExpertOptions{"laplace", "softmax"}}) {
    auto latents = make(expert);
    const Features features{at::randn({6, 4}), at::randn({6, 4})};
    const Posterior q = latents.posterior(0, features);
    const Posterior p = latents.prior(6);
    EXPECT_EQ(q.family(), p.family());
    EXPECT_EQ(q.mean().sizes(), at::IntArrayRef({6, 3}));
    ASSERT_TRUE(q.kl_to(p).has_value());
    EXPECT_GT(q.kl_to(p)->min().item<double>(), 0);
  }
}

TEST(PrivateLatents, PriorIsStandard) {
  const Posterior normal = make({"normal", "log_var"}).prior(2);
  EXPECT_TRUE(at::equal(normal.mean(), at::zeros({2, 3})));
  EXPECT_TRUE(at::equal(normal.variance(), at::ones({2, 3})));
  const Posterior laplace = make({"laplace", "softplus"}).prior(2);
  EXPECT_EQ(laplace.family(), Posterior::Family::laplace);
  EXPECT_TRUE(at::equal(laplace.variance(), at::full({2, 3}, 2.0f)));
}

TEST(PrivateLatents, HeadsOfOneModalityReadItsPrivateFeatures) {
  auto latents = make({"normal", "log_var"});
  const at::Tensor own = at::randn({6, 5}).requires_grad_(true);
  const at::Tensor shared = at::randn({6, 5}).requires_grad_(true);
  latents.posterior(1, {shared, own}).mean().sum().backward();
  EXPECT_TRUE(own.grad().defined());
  EXPECT_FALSE(shared.grad().defined());
}

TEST(PrivateLatents, RefuseAnEncoderWithoutPrivateFeatures) {
  auto latents = make({"normal", "log_var"});
  EXPECT_THROW(latents.posterior(0, {at::randn({6, 4}), {}}), Error);
}

}  // namespace private_latents_test
}  // namespace shalab
