// Every fusion, over three vector modalities.

#include "shalab/fusion.h"

#include "plugins.h"

namespace shalab {
namespace fusion_test {

constexpr std::int64_t kModalities = 3;
constexpr std::int64_t kFeatures = 4;
constexpr std::int64_t kLatent = 6;

FusionContext context_with(const std::vector<std::int64_t>& slots) {
  FusionContext context;
  for (std::int64_t m = 0; m < kModalities; ++m) {
    context.modalities.push_back(
        modality_of("m" + std::to_string(m), ModalityKind::vector, {2}));
    context.features.push_back(kFeatures);
  }
  context.latent = kLatent;
  context.slots = slots;
  return context;
}

class FusionConformance : public testing::TestWithParam<std::string> {
 protected:
  // Without slots, or with them where the fusion is made of slots.
  std::shared_ptr<Fusion> make() const {
    std::shared_ptr<Fusion> fusion;
    const auto try_with = [&](const std::vector<std::int64_t>& slots) {
      return is_usage_error([&] {
        fusion = make_plugin<Factory_fusion>("fusion", GetParam(),
                                             context_with(slots));
      });
    };
    if (try_with({0, 0, 0})) {
      EXPECT_FALSE(try_with({1, 2, 3}));
    }
    return fusion;
  }

  static std::vector<ModalitySubset> served(const Fusion& fusion) {
    std::vector<ModalitySubset> subsets;
    for (int bits = 1; bits < 1 << kModalities; ++bits) {
      ModalitySubset subset;
      for (std::size_t m = 0; m < kModalities; ++m) {
        if ((bits >> m) & 1) subset = subset.with(m);
      }
      if (fusion.serves(subset)) subsets.push_back(subset);
    }
    return subsets;
  }

  static at::Tensor presence_of(ModalitySubset subset, std::int64_t batch) {
    at::Tensor presence = at::zeros({batch, kModalities}, at::kBool);
    for (const std::size_t m : subset.indices()) {
      presence.select(1, static_cast<std::int64_t>(m)).fill_(true);
    }
    return presence;
  }

  static std::vector<Features> features(std::int64_t batch,
                                        bool with_gradient = false) {
    std::vector<Features> all;
    auto generator = make_generator(1, "features");
    for (std::int64_t m = 0; m < kModalities; ++m) {
      at::Tensor h = at::randn({batch, kFeatures}, generator);
      all.push_back({h.requires_grad_(with_gradient), {}});
    }
    return all;
  }

  static at::Tensor draw(const Posterior& posterior) {
    auto generator = make_generator(1, "draw");
    return posterior.rsample(2, generator);
  }
};

TEST_P(FusionConformance, ServesSomethingAndSaysWhat) {
  const auto fusion = make();
  EXPECT_FALSE(served(*fusion).empty());
  EXPECT_FALSE(fusion->serves_what().empty());
}

TEST_P(FusionConformance, HonoursShapes) {
  const auto fusion = make();
  for (const ModalitySubset subset : served(*fusion)) {
    for (const std::int64_t batch : {1, 3}) {
      const Posterior q =
          fusion->fuse(features(batch), presence_of(subset, batch));
      const std::vector<std::int64_t> shape{batch, kLatent};
      EXPECT_EQ(q.mean().sizes(), at::IntArrayRef(shape));
      EXPECT_EQ(q.variance().sizes(), at::IntArrayRef(shape));
      EXPECT_EQ(draw(q).sizes(), at::IntArrayRef({2, batch, kLatent}));
      EXPECT_TRUE(q.variance().isfinite().all().item<bool>());
    }
  }
}

TEST_P(FusionConformance, GradientsReachAllParameters) {
  const auto fusion = make();
  for (const ModalitySubset subset : served(*fusion)) {
    const Posterior q = fusion->fuse(features(8), presence_of(subset, 8));
    (q.mean().sum() + q.variance().sum()).backward();
  }
  expect_gradients_everywhere(*fusion);
}

TEST_P(FusionConformance, AbsentModalitiesDoNotMatter) {
  const auto fusion = make();
  for (const ModalitySubset subset : served(*fusion)) {
    const auto presence = presence_of(subset, 5);
    auto given = features(5, true);
    const Posterior q = fusion->fuse(given, presence);
    (q.mean().sum() + draw(q).sum() + q.variance().sum()).backward();
    auto changed = features(5);
    for (std::size_t m = 0; m < kModalities; ++m) {
      if (subset.contains(m)) continue;
      const at::Tensor gradient = given[m].shared.grad();
      EXPECT_TRUE(!gradient.defined() ||
                  gradient.abs().max().item<float>() == 0.0f);
      changed[m].shared = at::full({5, kFeatures}, 50.0f);
    }
    const Posterior other = fusion->fuse(changed, presence);
    EXPECT_TRUE(at::allclose(q.mean(), other.mean(), 1e-5, 1e-6));
    EXPECT_TRUE(at::allclose(q.variance(), other.variance(), 1e-5, 1e-6));
  }
}

TEST_P(FusionConformance, MixedBatchesEqualSeparateOnes) {
  const auto fusion = make();
  const auto subsets = served(*fusion);
  const auto count = static_cast<std::int64_t>(subsets.size());
  at::Tensor presence = at::zeros({count, kModalities}, at::kBool);
  for (std::int64_t i = 0; i < count; ++i) {
    presence[i].copy_(presence_of(subsets[static_cast<std::size_t>(i)], 1)[0]);
  }
  const auto given = features(count);
  const at::Tensor mixed = fusion->fuse(given, presence).mean();
  for (std::int64_t i = 0; i < count; ++i) {
    const at::Tensor alone =
        fusion
            ->fuse(given,
                   presence_of(subsets[static_cast<std::size_t>(i)], count))
            .mean();
    EXPECT_TRUE(at::allclose(mixed[i], alone[i], 1e-4, 1e-5)) << i;
  }
}

// All served subsets of two samples in one call, and one by one.
TEST_P(FusionConformance, SeveralSubsetsOfTheSameSamplesShareFeatures) {
  const auto fusion = make();
  const auto given = features(2);
  std::vector<at::Tensor> presence;
  std::vector<at::Tensor> means;
  std::vector<at::Tensor> variances;
  for (const ModalitySubset subset : served(*fusion)) {
    presence.push_back(presence_of(subset, 2));
    const Posterior q = fusion->fuse(given, presence.back());
    means.push_back(q.mean());
    variances.push_back(q.variance());
  }
  const Posterior all = fusion->fuse(given, at::cat(presence));
  EXPECT_TRUE(at::allclose(all.mean(), at::cat(means), 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(all.variance(), at::cat(variances), 1e-4, 1e-5));
}

TEST_P(FusionConformance, SavedStateAndEqualGeneratorsGiveEqualDraws) {
  const auto first = make();
  const auto second = make();
  copy_state(*first, *second);
  const auto presence = presence_of(served(*first).back(), 3);
  EXPECT_TRUE(at::equal(draw(first->fuse(features(3), presence)),
                        draw(second->fuse(features(3), presence))));
}

INSTANTIATE_TEST_SUITE_P(Conformance, FusionConformance,
                         testing::ValuesIn(plugins_of("fusion")), test_name);

}  // namespace fusion_test
}  // namespace shalab
