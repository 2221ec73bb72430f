#include <gtest/gtest.h>

#include "experts.h"

namespace shalab {
namespace slots_test {

const std::vector<std::int64_t> kSizes = {2, 3};

std::shared_ptr<Fusion> make_slots(const std::vector<std::int64_t>& slots,
                                   const std::string& name = "slots") {
  FusionContext context = fusion_context(kSizes, 5);
  context.slots = slots;
  return make_plugin<Factory_fusion>("fusion", name, context);
}

void expect_refusal(const std::vector<std::int64_t>& slots,
                    const std::string& part, const std::string& name) {
  try {
    make_slots(slots, name);
    FAIL() << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
  }
}

TEST(Slots, EachModalityFillsItsOwn) {
  const auto fusion = make_slots({1, 4});
  const auto features = random_features(kSizes, 3);
  const Posterior q = fusion->fuse(features, all_present(3, 2));
  EXPECT_EQ(q.family(), Posterior::Family::dirac);
  const auto p = fusion->named_parameters();
  EXPECT_TRUE(at::allclose(
      q.mean().narrow(1, 0, 1),
      at::linear(features[0].shared, p["m0.weight"], p["m0.bias"])));
  EXPECT_TRUE(at::allclose(
      q.mean().narrow(1, 1, 4),
      at::linear(features[1].shared, p["m1.weight"], p["m1.bias"])));
}

TEST(Slots, OfAbsentModalitiesAreZeroAndTrainNothing) {
  const auto fusion = make_slots({1, 4});
  const auto features = random_features(kSizes, 3);
  const Posterior q = fusion->fuse(features, presence_of({true, false}, 3));
  EXPECT_EQ(q.mean().narrow(1, 1, 4).abs().max().item<float>(), 0.0f);
  q.mean().sum().backward();
  const auto p = fusion->named_parameters();
  EXPECT_EQ(p["m1.weight"].grad().abs().max().item<float>(), 0.0f);
  EXPECT_GT(p["m0.weight"].grad().abs().max().item<float>(), 0.0f);
  EXPECT_TRUE(fusion->serves(ModalitySubset::only(1)));
}

TEST(Slots, RefusesModalitiesWithoutOne) {
  expect_refusal({}, "[encoder.m0] slot", "slots");
  expect_refusal({0, 0}, "[encoder.m0] slot", "slots");
}

TEST(Slots, OfAnyFusionAreAllOrNoneAndAddUp) {
  for (const char* name : {"slots", "poe"}) {
    expect_refusal({5, 0}, "[encoder.m1] slot", name);
    expect_refusal({1, 3}, "add up to 4, but latent.shared = 5", name);
  }
}

}  // namespace slots_test
}  // namespace shalab
