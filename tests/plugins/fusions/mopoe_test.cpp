#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "experts.h"
#include "shalab/random.h"

namespace shalab {
namespace mopoe_test {

const std::vector<std::int64_t> kSizes = {3, 3, 3};
constexpr std::int64_t kBatch = 4;
constexpr int kSubsets = 7;

std::shared_ptr<Fusion> make_mopoe(const ChangedKeys& keys = {}) {
  at::manual_seed(1);
  return make_plugin<Factory_fusion>("fusion", "mopoe",
                                     fusion_context(kSizes, 2), keys);
}

std::vector<std::size_t> members(int bits) {
  std::vector<std::size_t> result;
  for (std::size_t m = 0; m < 3; ++m) {
    if ((bits >> m) & 1) result.push_back(m);
  }
  return result;
}

TEST(Mopoe, ComponentsAreTheProductsOfAllSubsets) {
  const auto fusion = make_mopoe();
  const auto features = random_features(kSizes, kBatch);
  const Posterior q = fusion->fuse(features, all_present(kBatch, 3));
  ASSERT_EQ(q.components().size(), std::size_t{kSubsets});
  for (int bits = 1; bits <= kSubsets; ++bits) {
    const bool is_full = bits == kSubsets;
    expect_equal(q.components()[static_cast<std::size_t>(bits - 1)],
                 product_of(*fusion, features, members(bits), is_full));
  }
  EXPECT_TRUE(at::allclose(q.log_weights().exp(),
                           at::full({kSubsets, kBatch}, 1.0 / kSubsets)));
}

TEST(Mopoe, PriorExpertCountsAsAsked) {
  const auto features = random_features(kSizes, kBatch);
  for (const bool always : {false, true}) {
    const auto fusion = make_mopoe(
        {{"prior_expert", std::string(always ? "always" : "never")}});
    const auto components =
        fusion->fuse(features, all_present(kBatch, 3)).components();
    for (int bits = 1; bits <= kSubsets; ++bits) {
      expect_equal(components[static_cast<std::size_t>(bits - 1)],
                   product_of(*fusion, features, members(bits), always));
    }
  }
}

// The gradients of a random linear function of all products, against those of
// the products one by one through the automatic derivative.
TEST(Mopoe, GradientsAreThoseOfTheProductsOneByOne) {
  const at::Tensor slopes = at::randn({2, kSubsets, kBatch, 2});
  for (const std::string prior_expert : {"never", "always", "full_set"}) {
    const auto fusion = make_mopoe({{"prior_expert", prior_expert}});
    const auto features = random_features(kSizes, kBatch);
    std::vector<at::Tensor> leaves = fusion->parameters();
    for (const Features& h : features) {
      leaves.push_back(h.shared.requires_grad_());
    }
    const auto components =
        fusion->fuse(features, all_present(kBatch, 3)).components();
    at::Tensor fast = at::zeros({}), naive = at::zeros({});
    for (int bits = 1; bits <= kSubsets; ++bits) {
      const auto s = static_cast<std::size_t>(bits - 1);
      const Expert expected =
          product_of(*fusion, features, members(bits),
                     prior_expert == "always" ||
                         (prior_expert == "full_set" && bits == kSubsets));
      const at::Tensor at_mean = slopes[0][bits - 1];
      const at::Tensor at_log_var = slopes[1][bits - 1];
      fast = fast + (at_mean * components[s].mean()).sum() +
             (at_log_var * components[s].log_var()).sum();
      naive = naive + (at_mean * expected.mean).sum() +
              (at_log_var * expected.log_var).sum();
    }
    const auto fast_slopes = torch::autograd::grad({fast}, leaves);
    const auto naive_slopes = torch::autograd::grad({naive}, leaves);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      EXPECT_TRUE(at::allclose(fast_slopes[i], naive_slopes[i], 1e-4, 1e-5))
          << prior_expert << ' ' << i;
    }
  }
}

// Present: 0 and 2, whose subsets are {0}, {2} and {0, 2}.
TEST(Mopoe, TrainsOnSubsetsOfWhatIsPresent) {
  const auto fusion = make_mopoe();
  auto features = random_features(kSizes, kBatch);
  features[1].shared.requires_grad_();
  const Posterior q =
      fusion->fuse(features, presence_of({true, false, true}, kBatch));
  const at::Tensor weights = q.log_weights().exp().select(1, 0);
  for (int bits = 1; bits <= kSubsets; ++bits) {
    const double expected = (bits & 2) == 0 ? 1.0 / 3 : 0.0;
    EXPECT_NEAR(weights[bits - 1].item<double>(), expected, 1e-6) << bits;
  }
  auto generator = make_generator(1, "draw");
  const at::Tensor z = q.rsample(2, generator);
  (z.sum() + q.log_prob(z).sum() + q.variance().sum()).backward();
  EXPECT_EQ(features[1].shared.grad().abs().max().item<float>(), 0.0f);
  for (const auto& item : fusion->named_parameters()) {
    EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>());
  }
}

TEST(Mopoe, InfersTheProductOfAProperSubset) {
  const auto fusion = make_mopoe();
  fusion->eval();
  const auto features = random_features(kSizes, kBatch);
  const Posterior q =
      fusion->fuse(features, presence_of({true, false, true}, kBatch));
  const Expert expected = product_of(*fusion, features, {0, 2}, false);
  EXPECT_TRUE(at::allclose(q.mean(), expected.mean, 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(q.variance(), expected.log_var.exp(), 1e-4, 1e-5));
  const Posterior full = fusion->fuse(features, all_present(kBatch, 3));
  EXPECT_TRUE(at::allclose(full.log_weights().exp(),
                           at::full({kSubsets, kBatch}, 1.0 / kSubsets)));
}

TEST(Mopoe, OfExtremeExpertsIsFinite) {
  const auto fusion = make_mopoe();
  auto features = random_features(kSizes, kBatch);
  for (Features& part : features) part.shared = 1e4 * part.shared;
  const Posterior rows =
      fusion->fuse(features, presence_of({true, true, false}, kBatch)).rows();
  EXPECT_TRUE(rows.mean().isfinite().all().item<bool>());
  EXPECT_TRUE(rows.log_var().isfinite().all().item<bool>());
}

// How many of 7 * 50 samples the first product gives, over 20 draws.
at::Tensor counts_of_first(const std::string& choice) {
  const auto fusion = make_mopoe({{"choice", choice}});
  const std::int64_t batch = kSubsets * 50;
  std::vector<Features> features;
  for (std::size_t m = 0; m < 3; ++m) {
    features.push_back({at::full({batch, 3}, -200.0f), {}});
    auto p = fusion->named_parameters();
    const std::string name = "experts.m" + std::to_string(m);
    p[name + ".scale.weight"].set_data(at::full({2, 3}, 1.0f));
    p[name + ".location.weight"].set_data(at::zeros({2, 3}));
    p[name + ".location.bias"].set_data(
        at::full({2}, m == 0 ? 100.0f : -100.0f));
  }
  auto generator = make_generator(1, "choice");
  const at::Tensor z =
      fusion->fuse(features, all_present(batch, 3)).rsample(20, generator);
  return (z.select(2, 0) > 99).sum(1);
}

// log_var is at its floor -12, so only the product of {0} lies above 99.
TEST(Mopoe, ChoiceIsAnEvenPartitionOrRandom) {
  EXPECT_TRUE((counts_of_first("partition") == 50).all().item<bool>());
  const at::Tensor counts = counts_of_first("random").to(at::kDouble);
  EXPECT_FALSE((counts == 50).all().item<bool>());
  // Binomial(350, 1/7): variance 42.86, and 20 draws.
  EXPECT_NEAR(counts.mean().item<double>(), 50, 5 * std::sqrt(42.86 / 20));
}

TEST(Mopoe, RefusesMoreModalitiesThanItCanEnumerate) {
  const std::vector<std::int64_t> sizes(13, 3);
  try {
    make_plugin<Factory_fusion>("fusion", "mopoe", fusion_context(sizes, 2));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("13"), std::string::npos);
  }
}

}  // namespace mopoe_test
}  // namespace shalab
