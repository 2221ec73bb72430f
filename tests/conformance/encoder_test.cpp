// Every encoder, on every modality of a list that it accepts.

#include "shalab/encoder.h"

#include "plugins.h"

namespace shalab {
namespace encoder_test {

const Exemptions kExempt = {
    {"torchscript", "its networks come from a file that the user exports"},
};

std::vector<ModalitySpec> candidates() {
  using enum ModalityKind;
  return {
      modality_of("curve", vector, {5}),
      modality_of("digit", image, {1, 28, 28}),
      modality_of("colour", image, {3, 28, 28}),
      modality_of("house_number", image, {3, 32, 32}),
      modality_of("bird", image, {3, 64, 64}),
      modality_of("view", image, {3, 128, 128}),
      modality_of("spectrogram", image, {1, 32, 32}),
      modality_of("word", tokens, {8}),
      modality_of("caption", tokens, {32}),
  };
}

class EncoderConformance : public testing::TestWithParam<std::string> {
 protected:
  static constexpr std::int64_t kShared = 6;
  static constexpr std::int64_t kPrivate = 3;

  void SetUp() override {
    const auto exempt = kExempt.find(GetParam());
    if (exempt != kExempt.end()) GTEST_SKIP() << exempt->second;
    for (const ModalitySpec& modality : candidates()) {
      if (!is_usage_error([&] { make(modality); })) fits_.push_back(modality);
    }
    ASSERT_FALSE(fits_.empty()) << "accepts no modality of the list";
  }

  std::shared_ptr<Encoder> make(const ModalitySpec& modality,
                                std::int64_t private_features = kPrivate) {
    return make_plugin<Factory_encoder>(
        "encoder", GetParam(),
        EncoderContext{modality, kShared, private_features, 9});
  }

  std::vector<ModalitySpec> fits_;
};

TEST_P(EncoderConformance, HonoursShapes) {
  for (const ModalitySpec& modality : fits_) {
    const auto encoder = make(modality);
    encoder->eval();
    for (const std::int64_t batch : {1, 3}) {
      const at::Tensor x = data_of(modality, batch);
      const Features h = encoder->encode(x);
      EXPECT_EQ(h.shared.sizes(), at::IntArrayRef({batch, kShared}));
      EXPECT_EQ(h.private_.sizes(), at::IntArrayRef({batch, kPrivate}));
      const Likelihood p = encoder->decode(at::randn({batch, 9}));
      EXPECT_EQ(p.log_prob(x).sizes(), at::IntArrayRef({batch}));
      EXPECT_EQ(p.mode().sizes(), x.sizes()) << modality.name;
    }
  }
}

TEST_P(EncoderConformance, WithoutPrivateFeaturesGivesNone) {
  const auto encoder = make(fits_.front(), 0);
  const Features h = encoder->encode(data_of(fits_.front(), 2));
  EXPECT_FALSE(h.private_.defined());
}

TEST_P(EncoderConformance, GradientsReachAllParameters) {
  for (const ModalitySpec& modality : fits_) {
    const auto encoder = make(modality);
    const at::Tensor x = data_of(modality, 3);
    const Features h = encoder->encode(x);
    const at::Tensor code = at::cat({h.shared, h.private_}, 1);
    encoder->decode(code).log_prob(x).sum().backward();
    expect_gradients_everywhere(*encoder);
  }
}

TEST_P(EncoderConformance, IsFiniteForExtremeInputs) {
  for (const ModalitySpec& modality : fits_) {
    const auto encoder = make(modality);
    encoder->eval();
    const at::Tensor x = data_of(modality, 2);
    for (const at::Tensor& extreme : {at::zeros_like(x), at::ones_like(x)}) {
      const at::Tensor shared = encoder->encode(extreme).shared;
      EXPECT_TRUE(shared.isfinite().all().item<bool>()) << modality.name;
    }
    const at::Tensor far = at::full({2, 9}, 1e3);
    EXPECT_TRUE(encoder->decode(far).log_prob(x).isfinite().all().item<bool>())
        << modality.name;
  }
}

TEST_P(EncoderConformance, SavedStateGivesEqualOutputs) {
  const ModalitySpec& modality = fits_.front();
  const auto first = make(modality);
  const auto second = make(modality);
  copy_state(*first, *second);
  first->eval();
  second->eval();
  const at::Tensor x = data_of(modality, 3);
  const at::Tensor code = at::randn({3, 9});
  EXPECT_TRUE(at::equal(first->encode(x).shared, second->encode(x).shared));
  EXPECT_TRUE(at::equal(first->encode(x).private_, second->encode(x).private_));
  EXPECT_TRUE(at::equal(first->decode(code).parameters(),
                        second->decode(code).parameters()));
}

TEST_P(EncoderConformance, IsDeterministicAndLeavesInputsAlone) {
  const ModalitySpec& modality = fits_.front();
  const auto encoder = make(modality);
  encoder->eval();
  const at::Tensor x = data_of(modality, 3);
  const at::Tensor first = encoder->encode(x).shared;
  EXPECT_TRUE(at::equal(first, encoder->encode(x).shared));
  EXPECT_TRUE(at::equal(x, data_of(modality, 3)));
}

INSTANTIATE_TEST_SUITE_P(Conformance, EncoderConformance,
                         testing::ValuesIn(plugins_of("encoder")), test_name);

}  // namespace encoder_test
}  // namespace shalab
