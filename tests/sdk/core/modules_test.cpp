// What the public methods of encoders, fusions and priors check.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/encoder.h"
#include "shalab/error.h"
#include "shalab/fusion.h"
#include "shalab/prior.h"
#include "shalab/random.h"

namespace shalab {
namespace modules_test {

ModalitySpec vector_of(std::int64_t size) {
  ModalitySpec spec;
  spec.name = "curve";
  spec.shape = {size};
  spec.default_likelihood = "normal";
  return spec;
}

class Echo final : public Encoder {
 public:
  explicit Echo(std::int64_t given)
      : Encoder({vector_of(3), 3, 0, 2}), given_(given) {}

 protected:
  Features do_encode(const at::Tensor& x) override {
    return {at::zeros({x.size(0), given_}), {}};
  }
  Likelihood do_decode(const at::Tensor& code) override {
    return Likelihood::normal(at::zeros({code.size(0), 3}), 1.0, 1);
  }

 private:
  std::int64_t given_;
};

TEST(Encoder, RefusesShapesThatItWasNotMadeFor) {
  Echo encoder(3);
  EXPECT_NO_THROW(encoder.encode(at::zeros({4, 3})));
  EXPECT_THROW(encoder.encode(at::zeros({4, 2})), Error);
  EXPECT_THROW(encoder.decode(at::zeros({4, 3})), Error);
}

TEST(Encoder, RefusesFeaturesOfAnotherSize) {
  EXPECT_THROW(Echo(2).encode(at::zeros({4, 3})), Error);
}

Settings likelihood_settings() {
  FieldList fields;
  declare_likelihood_fields(fields);
  return Settings(fields);
}

TEST(MakeLikelihood, TakesTheDefaultOfTheModality) {
  const auto likelihood =
      make_likelihood(likelihood_settings(), vector_of(3), at::zeros({1, 3}));
  EXPECT_EQ(likelihood.family(), Likelihood::Family::normal);
}

TEST(MakeLikelihood, RefusesAFamilyThatDoesNotFit) {
  ModalitySpec words = vector_of(3);
  words.kind = ModalityKind::tokens;
  words.default_likelihood = "normal";
  try {
    make_likelihood(likelihood_settings(), words, at::zeros({1, 3, 2}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("curve"), std::string::npos);
  }
}

class Half final : public Fusion {
 public:
  Half() : Fusion({{vector_of(2), vector_of(2)}, {2, 2}, 2, {}}) {}
  std::string serves_what() const override { return "whatever has two"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor&) override {
    return Posterior::dirac(features[0].shared);
  }
  bool do_serves(ModalitySubset) const override { return true; }
};

TEST(Fusion, RefusesWrongFeaturesAndPresence) {
  Half fusion;
  const Features part{at::zeros({3, 2}), {}};
  const Features narrow{at::zeros({3, 1}), {}};
  const at::Tensor presence = at::ones({3, 2}, at::kBool);
  EXPECT_NO_THROW(fusion.fuse({part, part}, presence));
  EXPECT_THROW(fusion.fuse({part, narrow}, presence), Error);
  EXPECT_THROW(fusion.fuse({part}, presence), Error);
  EXPECT_THROW(fusion.fuse({part, part}, presence.to(at::kFloat)), Error);
}

TEST(Fusion, NeverServesTheEmptySubsetOrStrangers) {
  const Half fusion;
  EXPECT_FALSE(fusion.serves(ModalitySubset::none()));
  EXPECT_FALSE(fusion.serves(ModalitySubset::only(2)));
  EXPECT_TRUE(fusion.serves(ModalitySubset::only(1)));
}

class Silent final : public Prior {
 public:
  Silent() : Prior({2, {}, {}}) {}
  PriorTraits traits() const override { return {}; }

 protected:
  Draw do_sample(std::int64_t n, at::Generator&) override {
    return {at::zeros({n, 3}), 0};
  }
};

TEST(Prior, RefusesWhatItsTraitsDeny) {
  Silent prior;
  auto generator = make_generator(1, "sample");
  Condition condition;
  condition.subset = ModalitySubset::only(0);
  condition.features = {at::zeros({1, 2})};
  EXPECT_THROW(prior.log_prob(at::zeros({1, 2})), Error);
  EXPECT_THROW(prior.sample_given(condition, generator), Error);
  EXPECT_THROW(prior.loss({}, 0.0, generator), Error);
  EXPECT_THROW(prior.fit({}, {}, generator), Error);
}

TEST(Prior, RefusesADrawOfTheWrongSize) {
  auto generator = make_generator(1, "sample");
  EXPECT_THROW(Silent().sample(2, generator), Error);
}

TEST(LatentSet, DrawsItsRows) {
  LatentSet latents;
  latents.mean = at::arange(3, at::kFloat).view({3, 1}).expand({3, 50});
  auto generator = make_generator(1, "draw");
  const at::Tensor indices = at::tensor({2, 0}, at::kLong);
  EXPECT_TRUE(at::equal(latents.draw(indices, generator),
                        latents.mean.index_select(0, indices)));
  latents.log_var = at::full({3, 50}, -12.0f);
  const at::Tensor z = latents.draw(indices, generator);
  EXPECT_NEAR(z[0].mean().item<double>(), 2.0, 0.01);
  EXPECT_GT(z[0].std().item<double>(), 0.0);
}

}  // namespace modules_test
}  // namespace shalab
