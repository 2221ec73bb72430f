#include <gtest/gtest.h>

#include "experts.h"
#include "shalab/random.h"

namespace shalab {
namespace moe_test {

const std::vector<std::int64_t> kSizes = {3, 3};

std::shared_ptr<Fusion> make_moe(const ChangedKeys& keys = {}) {
  at::manual_seed(1);
  return make_plugin<Factory_fusion>("fusion", "moe", fusion_context(kSizes, 2),
                                     keys);
}

TEST(Moe, DensityIsTheMeanOfTheExperts) {
  const auto fusion = make_moe();
  const auto features = random_features(kSizes, 4);
  const Posterior q = fusion->fuse(features, all_present(4, 2));
  const at::Tensor z = at::randn({4, 2});
  at::Tensor density = at::zeros(4);
  for (std::size_t m = 0; m < 2; ++m) {
    const Expert own = expert_of(*fusion, features, m);
    density = density +
              0.5 * Posterior::normal(own.mean, own.log_var).log_prob(z).exp();
  }
  EXPECT_TRUE(at::allclose(q.log_prob(z), density.log(), 1e-4, 1e-5));
}

TEST(Moe, AbsentExpertsLeaveTheMixture) {
  const auto fusion = make_moe();
  auto features = random_features(kSizes, 3);
  features[0].shared.requires_grad_();
  at::Tensor presence = all_present(3, 2);
  presence.select(1, 0)[1] = false;
  const Posterior q = fusion->fuse(features, presence);
  const Expert second = expert_of(*fusion, features, 1);
  const at::Tensor z = at::randn({3, 2});
  const at::Tensor alone =
      Posterior::normal(second.mean, second.log_var).log_prob(z);
  EXPECT_NEAR(q.log_prob(z)[1].item<double>(), alone[1].item<double>(), 1e-5);
  EXPECT_TRUE(at::allclose(q.log_weights().exp().sum(0), at::ones(3)));
  (q.log_prob(z).sum() + q.variance().sum()).backward();
  const at::Tensor gradient = features[0].shared.grad();
  EXPECT_EQ(gradient[1].abs().max().item<float>(), 0.0f);
  EXPECT_GT(gradient[0].abs().max().item<float>(), 0.0f);
}

TEST(Moe, TakesLaplaceExperts) {
  const auto fusion = make_moe(
      {{"family", std::string("laplace")}, {"scale", std::string("softmax")}});
  const Posterior q =
      fusion->fuse(random_features(kSizes, 3), all_present(3, 2));
  EXPECT_EQ(q.components().front().family(), Posterior::Family::laplace);
}

TEST(Moe, RefusesLaplaceExpertsWithLogVar) {
  EXPECT_THROW(make_moe({{"family", std::string("laplace")}}), Error);
}

// Expert 0 alone, then expert 1 alone, of the same three samples.
TEST(Moe, OfOneModalityHasItsExpertAsHeaviest) {
  const auto fusion = make_moe();
  const auto features = random_features(kSizes, 3);
  const at::Tensor presence =
      at::cat({presence_of({true, false}, 3), presence_of({false, true}, 3)});
  const Posterior q = fusion->fuse(features, presence).heaviest();
  EXPECT_TRUE(at::allclose(q.mean().narrow(0, 0, 3),
                           expert_of(*fusion, features, 0).mean));
  EXPECT_TRUE(at::allclose(q.log_var().narrow(0, 3, 3),
                           expert_of(*fusion, features, 1).log_var));
}

}  // namespace moe_test
}  // namespace shalab
