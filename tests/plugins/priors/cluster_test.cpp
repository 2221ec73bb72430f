#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "../../conformance/plugins.h"
#include "load_prior.h"
#include "shalab/random.h"

namespace shalab {
namespace cluster_test {

constexpr std::int64_t kClusters = 5;

std::shared_ptr<Prior> make_clusters(const Keys& changed = {}) {
  Keys keys = {{"components", kClusters}};
  keys.insert(keys.end(), changed.begin(), changed.end());
  return make_prior("cluster", {2, {}, {}}, keys);
}

// Cluster c around (10 c, 0), all of one mass.
std::shared_ptr<Prior> make_row_of_clusters(const Keys& changed = {}) {
  const auto prior = make_clusters(changed);
  const at::NoGradGuard no_grad;
  prior->named_parameters()["means"].zero_().select(1, 0).copy_(
      at::arange(kClusters) * 10);
  return prior;
}

// `each` points close to each of clusters 0, 2 and 4.
at::Tensor points_of_three(std::int64_t each) {
  auto generator = make_generator(1, "points");
  const at::Tensor center = (at::arange(3 * each) % 3) * 20;
  at::Tensor z = at::randn({3 * each, 2}, generator);
  z.select(1, 0).add_(center);
  return z;
}

ValidationLatents pooled(const at::Tensor& z) {
  return {z, {}, at::ones({z.size(0), 2}, at::kBool)};
}

std::vector<std::int64_t> survivors_of(const Prior& prior) {
  const at::Tensor kept = prior.named_buffers()["survivors"];
  std::vector<std::int64_t> indices;
  for (std::int64_t c = 0; c < kept.size(0); ++c) {
    if (kept[c].item<bool>()) indices.push_back(c);
  }
  return indices;
}

using Indices = std::vector<std::int64_t>;
const Indices kThree = {0, 2, 4};

// sum_c q(c | z) (log p(z | c) + log pi_c - log q(c | z)), q by the paper's
// softmax floored at 1e-20.
TEST(Cluster, DensityIsTheLongFormOfThePaper) {
  for (const char* family : {"laplace", "normal"}) {
    const auto prior = make_clusters({{"family", family}, {"init_range", 2.0}});
    const at::NoGradGuard no_grad;
    at::Tensor logits = prior->named_parameters()["logits"];
    logits.copy_(at::linspace(-1, 1, kClusters));
    const at::Tensor means = prior->named_parameters()["means"];
    const at::Tensor z = at::randn({4, 7, 2}).to(at::kDouble);
    const at::Tensor error = z.unsqueeze(2) - means;
    const at::Tensor within =
        std::string(family) == "laplace"
            ? -(error.abs() + std::log(2.0)).sum(-1)
            : -0.5 * (error.square() + std::log(2 * M_PI)).sum(-1);
    const at::Tensor log_share = at::log_softmax(logits.to(at::kDouble), 0);
    const at::Tensor q = at::softmax(within + log_share, -1) + 1e-20;
    const at::Tensor long_form = (q * (within + log_share - q.log())).sum(-1);
    EXPECT_TRUE(
        at::allclose(prior->log_prob(z).to(at::kDouble), long_form, 1e-4, 1e-4))
        << family;
  }
}

TEST(Cluster, MeansStartWithinTheRange) {
  const auto prior =
      make_clusters({{"components", std::int64_t{200}}, {"init_range", 0.5}});
  const at::Tensor means = prior->named_parameters()["means"].abs();
  EXPECT_LE(means.max().item<double>(), 0.5);
  EXPECT_GT(means.max().item<double>(), 0.45);
}

TEST(Cluster, PruningKeepsTheClustersInUse) {
  const auto prior = make_row_of_clusters();
  prior->finish(pooled(points_of_three(100)));
  EXPECT_EQ(survivors_of(*prior), kThree);
  EXPECT_EQ(prior->generation(false), "exact clusters=3");
}

TEST(Cluster, PruningCanBeOff) {
  const auto prior = make_row_of_clusters({{"prune", false}});
  prior->finish(pooled(points_of_three(100)));
  EXPECT_EQ(survivors_of(*prior).size(), 5U);
}

TEST(Cluster, DrawsComeFromSurvivorsAlone) {
  const auto prior = make_row_of_clusters();
  prior->finish(pooled(points_of_three(100)));
  auto generator = make_generator(1, "sample");
  const at::Tensor z = prior->sample(3000, generator).z;
  const at::Tensor nearest =
      (z.select(1, 0) / 10).round().clamp(0, 4).to(at::kLong);
  const at::Tensor counts = at::bincount(nearest, {}, kClusters);
  EXPECT_LT(counts[1].item<int>() + counts[3].item<int>(), 100);
  EXPECT_NEAR(counts[2].item<double>(), 1000, 5 * std::sqrt(3000 * 2 / 9.0));
}

TEST(Cluster, DensityIsNormalisedOverSurvivors) {
  const auto prior = make_row_of_clusters();
  prior->finish(pooled(points_of_three(100)));
  const at::Tensor z = at::zeros({1, 2});
  EXPECT_NEAR(prior->log_prob(z).item<double>(),
              -std::log(3.0) - 2 * std::log(2.0), 1e-4);
}

TEST(Cluster, SurvivorsAreSaved) {
  const auto prior = make_row_of_clusters();
  prior->finish(pooled(points_of_three(100)));
  const auto other = make_clusters();
  copy_state(*prior, *other);
  EXPECT_EQ(survivors_of(*other), kThree);
}

// Modality b lies on cluster 1 where it is absent: that counts for nothing.
TEST(Cluster, PruningIgnoresAbsentModalities) {
  const auto prior = make_row_of_clusters();
  const at::Tensor a = points_of_three(100);
  at::Tensor b = at::zeros_like(a);
  b.select(1, 0).fill_(10);
  ValidationLatents latents{a, {a, b}, at::ones({a.size(0), 2}, at::kBool)};
  latents.presence.select(1, 1).fill_(false);
  prior->finish(latents);
  EXPECT_EQ(survivors_of(*prior), kThree);
  latents.presence.fill_(true);
  const auto distracted = make_row_of_clusters();
  distracted->finish(latents);
  EXPECT_NE(survivors_of(*distracted), kThree);
}

TEST(Cluster, HasNoClosedFormKl) {
  const at::Tensor one = at::ones({1, 2});
  EXPECT_FALSE(make_clusters()->kl_from(Posterior::laplace(one, one)));
}

}  // namespace cluster_test
}  // namespace shalab
