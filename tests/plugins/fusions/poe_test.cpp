#include <gtest/gtest.h>

#include "experts.h"

namespace shalab {
namespace poe_test {

const std::vector<std::int64_t> kSizes = {3, 3, 3};
constexpr std::int64_t kBatch = 4;

std::shared_ptr<Fusion> make_poe(const std::string& prior_expert,
                                 std::int64_t latent = 2) {
  at::manual_seed(1);
  return make_plugin<Factory_fusion>("fusion", "poe",
                                     fusion_context(kSizes, latent),
                                     {{"prior_expert", prior_expert}});
}

at::Tensor gaussian_log(const at::Tensor& x, double mean, double log_var) {
  return -0.5 * ((x - mean).square() * std::exp(-log_var) + log_var +
                 std::log(2 * M_PI));
}

// Mean and variance of the normalised product on a grid that ends ten
// deviations of the prior away; the rectangle rule is exact to rounding for
// densities this smooth.
TEST(Poe, AgreesWithTheProductOnAGrid) {
  for (const bool with_prior : {false, true}) {
    const auto fusion = make_poe(with_prior ? "always" : "never", 1);
    const auto features = random_features(kSizes, 1);
    const Posterior q = fusion->fuse(features, all_present(1, 3));
    const at::Tensor x = at::linspace(-30, 30, 60001, at::kDouble);
    at::Tensor log_density =
        with_prior ? gaussian_log(x, 0, 0) : at::zeros_like(x);
    for (std::size_t m = 0; m < 3; ++m) {
      const Expert expert = expert_of(*fusion, features, m);
      log_density = log_density + gaussian_log(x, expert.mean.item<double>(),
                                               expert.log_var.item<double>());
    }
    const at::Tensor weight = at::softmax(log_density, 0);
    const at::Tensor mean = (weight * x).sum();
    const at::Tensor variance = (weight * (x - mean).square()).sum();
    EXPECT_NEAR(q.mean().item<double>(), mean.item<double>(), 1e-5);
    EXPECT_NEAR(q.variance().item<double>(), variance.item<double>(), 1e-5);
  }
}

TEST(Poe, OfOneExpertWithoutPriorExpertIsThatExpert) {
  const auto fusion = make_poe("never");
  const auto features = random_features(kSizes, kBatch);
  for (std::size_t m = 0; m < 3; ++m) {
    std::vector<bool> row(3, false);
    row[m] = true;
    const Posterior q = fusion->fuse(features, presence_of(row, kBatch));
    EXPECT_EQ(q.family(), Posterior::Family::normal);
    const Expert own = expert_of(*fusion, features, m);
    EXPECT_TRUE(at::equal(q.mean(), own.mean));
    EXPECT_TRUE(at::equal(q.log_var(), own.log_var));
  }
}

TEST(Poe, PriorExpertCountsAsAsked) {
  const auto features = random_features(kSizes, kBatch);
  const at::Tensor some = presence_of({true, false, true}, kBatch);
  const at::Tensor full = all_present(kBatch, 3);
  const auto always = make_poe("always");
  expect_equal(always->fuse(features, some),
               product_of(*always, features, {0, 2}, true));
  const auto never = make_poe("never");
  expect_equal(never->fuse(features, full),
               product_of(*never, features, {0, 1, 2}, false));
  const auto full_set = make_poe("full_set");
  expect_equal(full_set->fuse(features, some),
               product_of(*full_set, features, {0, 2}, false));
  expect_equal(full_set->fuse(features, full),
               product_of(*full_set, features, {0, 1, 2}, true));
}

TEST(Poe, OfExtremeExpertsIsFinite) {
  const auto fusion = make_poe("never");
  auto features = random_features(kSizes, kBatch);
  for (Features& part : features) part.shared = 1e4 * part.shared;
  const Posterior q = fusion->fuse(features, all_present(kBatch, 3));
  EXPECT_TRUE(q.mean().isfinite().all().item<bool>());
  EXPECT_GE(q.log_var().min().item<double>(), -12 - std::log(3.0) - 1e-5);
  EXPECT_LE(q.log_var().max().item<double>(), 8 + 1e-5);
}

TEST(Poe, NoGradientReachesAbsentExperts) {
  const auto fusion = make_poe("always");
  auto features = random_features(kSizes, kBatch);
  features[1].shared.requires_grad_();
  const Posterior q =
      fusion->fuse(features, presence_of({true, false, true}, kBatch));
  (q.mean().sum() + q.variance().sum()).backward();
  EXPECT_EQ(features[1].shared.grad().abs().max().item<float>(), 0.0f);
  for (const auto& item : fusion->named_parameters()) {
    const bool is_absent = item.key().find(".m1.") != std::string::npos;
    const float largest = item.value().grad().abs().max().item<float>();
    EXPECT_EQ(is_absent, largest == 0.0f) << item.key();
  }
}

TEST(Poe, ServesEveryNonEmptySubset) {
  const auto fusion = make_poe("never");
  EXPECT_TRUE(fusion->serves(ModalitySubset::only(1)));
  EXPECT_TRUE(fusion->serves(ModalitySubset::all(3)));
  EXPECT_FALSE(fusion->serves(ModalitySubset::none()));
}

}  // namespace poe_test
}  // namespace shalab
