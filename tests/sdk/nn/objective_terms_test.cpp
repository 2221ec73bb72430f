#include "shalab/nn/objective_terms.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab {
namespace objective_terms_test {

std::vector<ModalitySpec> digits_and_word() {
  std::vector<ModalitySpec> modalities(3);
  modalities[0].name = "mnist";
  modalities[0].shape = {1, 28, 28};
  modalities[1].name = "svhn";
  modalities[1].shape = {3, 32, 32};
  modalities[2].name = "text";
  modalities[2].kind = ModalityKind::tokens;
  modalities[2].shape = {8};
  return modalities;
}

std::vector<double> weights_of(const std::vector<std::string>& items) {
  FieldList fields;
  declare_likelihood_weights(fields);
  Settings settings(fields);
  settings.set("likelihood_weights", items);
  return likelihood_weights(settings, digits_and_word());
}

TEST(LikelihoodWeights, AreOneUnlessNamed) {
  EXPECT_EQ(weights_of({}), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(weights_of({"svhn:0.5"}), (std::vector<double>{1, 0.5, 1}));
}

// 3072 / 784, 1, 3072 / 8.
TEST(LikelihoodWeights, AutoIsTheSizeRatio) {
  EXPECT_EQ(weights_of({"auto"}), (std::vector<double>{3072.0 / 784, 1, 384}));
  EXPECT_EQ(weights_of({"text:10", "auto"}),
            (std::vector<double>{3072.0 / 784, 1, 10}));
}

TEST(LikelihoodWeights, RefuseUnknownNames) {
  EXPECT_THROW(weights_of({"image:2"}), Error);
  EXPECT_THROW(weights_of({"automatic"}), Error);
}

TEST(KlWeight, GrowsLinearlyThenStays) {
  FieldList fields;
  declare_kl_weight(fields);
  Settings settings(fields);
  EXPECT_EQ(KlWeight(settings).in_epoch(0), 1);
  settings.set("kl_weight", 2.5);
  settings.set("kl_warmup", 10.0);
  const KlWeight weight(settings);
  EXPECT_EQ(weight.in_epoch(0), 0);
  EXPECT_EQ(weight.in_epoch(4), 1);
  EXPECT_EQ(weight.in_epoch(10), 2.5);
  EXPECT_EQ(weight.in_epoch(99), 2.5);
}

TEST(KlWeight, ReadsTheEpochWhileItGrowsAlone) {
  FieldList fields;
  declare_kl_weight(fields);
  Settings settings(fields);
  const HostNumber<double> first = 0.0, early = 4.0, late = 10.0;
  KlWeight(settings).in_epoch(first);
  EXPECT_FALSE(first.was_read());
  settings.set("kl_warmup", 10.0);
  const KlWeight weight(settings);
  weight.in_epoch(early);
  weight.in_epoch(late);
  EXPECT_TRUE(early.was_read());
  EXPECT_FALSE(late.was_read());
}

TEST(Singletons, HoldOneModalityEach) {
  const at::Tensor presence = singletons(at::ones({2, 3}, at::kBool));
  ASSERT_EQ(presence.sizes(), at::IntArrayRef({3, 2, 3}));
  for (std::int64_t m = 0; m < 3; ++m) {
    EXPECT_TRUE(presence[m].select(1, m).all().item<bool>());
    EXPECT_EQ(presence[m].sum().item<std::int64_t>(), 2);
  }
}

}  // namespace objective_terms_test
}  // namespace shalab
