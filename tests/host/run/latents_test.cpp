#include "run/latents.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tiny_model.h"

namespace shalab {
namespace latents_test {

constexpr std::int64_t kTuples = 3000;

// Tuples (1, 1); the second modality is absent from odd ones where asked.
class Ones final : public Dataset {
 public:
  explicit Ones(bool lacks_some = false)
      : lacks_some_(lacks_some), specs_(two_numbers()) {}
  const std::vector<ModalitySpec>& modalities() const override {
    return specs_;
  }
  std::int64_t size(Split) const override { return kTuples; }
  void to(c10::Device) override {}
  std::string fingerprint() const override { return "ones"; }

 protected:
  Batch do_gather(Split, const at::Tensor& indices) const override {
    Batch batch;
    const at::Tensor one = at::ones({indices.size(0), 1});
    batch.data = {one, one};
    batch.presence = at::ones({indices.size(0), 2}, at::kBool);
    if (lacks_some_) batch.presence.select(1, 1).copy_(indices % 2 == 0);
    batch.ids = indices;
    return batch;
  }

 private:
  bool lacks_some_;
  std::vector<ModalitySpec> specs_;
};

// q(z | x_a) = N(-10, 1), q(z | x_b) = N(10, 4); their mean weighs 3 : 1 where
// both are there.
class TwoModes final : public Fusion {
 public:
  TwoModes() : Fusion({two_numbers(), {1, 1}, 1, {0, 0}}) {}
  std::string serves_what() const override { return "every subset"; }

 protected:
  Posterior do_fuse(const std::vector<Features>&,
                    const at::Tensor& presence) override {
    const at::Tensor zero = at::zeros({presence.size(0), 1});
    const at::Tensor share = at::tensor({0.75f, 0.25f}).view({2, 1});
    const at::Tensor weights = at::where(presence.t(), share, 0);
    return Posterior::mixture(
        (weights / weights.sum(0)).log(),
        {Posterior::normal(zero - 10, zero),
         Posterior::normal(zero + 10, zero + std::log(4.0f))});
  }
  bool do_serves(ModalitySubset) const override { return true; }
};

class Latents : public ::testing::Test {
 protected:
  Latents() { context_.services = quiet_services(); }

  EncodedSplit encode(MultimodalModel& model, const Dataset& dataset) {
    return encode_split(model, dataset, Split::train, context_);
  }

  RunContext context_;
};

TEST_F(Latents, OfASimplePosteriorAreItsMoments) {
  const auto model = tiny_model(0);
  const EncodedSplit split = encode(*model, Ones());
  EXPECT_TRUE(at::equal(split.latents.mean, at::zeros({kTuples, 1})));
  EXPECT_TRUE(at::equal(split.latents.log_var, at::zeros({kTuples, 1})));
  EXPECT_FALSE(split.latents.presence.defined());
  EXPECT_TRUE(split.private_means.empty());
}

TEST_F(Latents, OfAMixtureAreOneComponentATuple) {
  const auto model = tiny_model(0, 0, std::make_shared<TwoModes>());
  const EncodedSplit split = encode(*model, Ones());
  const at::Tensor is_high = split.latents.mean > 0;
  EXPECT_TRUE(
      at::allclose(split.latents.mean.abs(), at::full({kTuples, 1}, 10.0f)));
  EXPECT_TRUE(at::allclose(split.latents.log_var,
                           is_high.to(at::kFloat) * std::log(4.0f), 0, 1e-5));
  EXPECT_NEAR(is_high.to(at::kDouble).mean().item<double>(), 0.25,
              5 * std::sqrt(3 / 16.0 / kTuples));
  EXPECT_TRUE(at::allclose(split.mean, at::full({kTuples, 1}, -5.0f)));
  EXPECT_TRUE(
      at::equal(split.latents.mean, encode(*model, Ones()).latents.mean));
}

TEST_F(Latents, RememberWhatWasPresent) {
  const auto model = tiny_model(0, 0, std::make_shared<TwoModes>());
  const EncodedSplit split = encode(*model, Ones(true));
  ASSERT_TRUE(split.latents.presence.defined());
  EXPECT_EQ(split.latents.presence.sum().item<std::int64_t>(),
            kTuples + kTuples / 2);
  const at::Tensor odd = split.latents.mean.slice(0, 1, kTuples, 2);
  EXPECT_TRUE(odd.eq(-10).all().item<bool>());
}

TEST_F(Latents, HoldPrivateMeans) {
  const auto model = tiny_model(2, 0.5);
  const auto means = encode(*model, Ones()).private_means;
  ASSERT_EQ(means.size(), 2U);
  EXPECT_TRUE(at::allclose(means[1], at::full({kTuples, 2}, 0.5f)));
}

TEST_F(Latents, OfValidationHoldDrawsOfEachModality) {
  const auto model = tiny_model(0, 0, std::make_shared<TwoModes>());
  const auto latents = validation_latents(*model, Ones(), context_);
  ASSERT_EQ(latents.by_modality.size(), 2U);
  const double error = 5 / std::sqrt(static_cast<double>(kTuples));
  EXPECT_NEAR(latents.by_modality[0].mean().item<double>(), -10, error);
  EXPECT_NEAR(latents.by_modality[1].mean().item<double>(), 10, 2 * error);
  EXPECT_NEAR(latents.by_modality[1].std().item<double>(), 2, error);
  EXPECT_TRUE(at::allclose(latents.pooled, at::full({kTuples, 1}, -5.0f)));
  EXPECT_TRUE(latents.presence.all().item<bool>());
}

}  // namespace latents_test
}  // namespace shalab
