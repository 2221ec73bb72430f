#include "run/codes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "shalab/random.h"
#include "tiny_model.h"

namespace shalab {
namespace codes_test {

constexpr std::int64_t kRows = 4000;
constexpr double kLocation = 7;  // of q(w | x); p(w) is around 0

Seen seen_of(bool a, bool b, bool takes_mean = false) {
  const at::Tensor x = at::ones({kRows, 1});
  const at::Tensor row = at::tensor({int{a}, int{b}}).to(at::kBool);
  return {{{x, x}, {x, x}}, row.expand({kRows, 2}), takes_mean};
}

std::vector<at::Tensor> draw(MultimodalModel& model, const Seen& seen) {
  auto generator = make_generator(1, "codes");
  return private_codes(model, kRows, seen, generator);
}

void expect_around(const at::Tensor& w, double mean) {
  const double error = 5 / std::sqrt(static_cast<double>(w.numel()));
  EXPECT_NEAR(w.mean().item<double>(), mean, error);
  EXPECT_NEAR(w.std().item<double>(), 1, error);
}

TEST(PrivateCodes, JointDrawsComeFromThePrior) {
  const auto model = tiny_model(2, kLocation);
  const auto w = draw(*model, {});
  ASSERT_EQ(w.size(), 2U);
  EXPECT_EQ(w[0].sizes(), at::IntArrayRef({kRows, 2}));
  expect_around(w[0], 0);
  expect_around(w[1], 0);
  EXPECT_FALSE(at::equal(w[0], w[1]));
}

TEST(PrivateCodes, SeenModalitiesComeFromTheirPosterior) {
  const auto model = tiny_model(2, kLocation);
  const auto w = draw(*model, seen_of(true, false));
  expect_around(w[0], kLocation);
  expect_around(w[1], 0);
}

TEST(PrivateCodes, AReconstructionTakesTheMean) {
  const auto model = tiny_model(2, kLocation);
  const auto w = draw(*model, seen_of(true, false, true));
  EXPECT_TRUE(at::allclose(w[0], at::full({kRows, 2}, kLocation)));
  expect_around(w[1], 0);
}

TEST(PrivateCodes, PresenceDecidesRowByRow) {
  const auto model = tiny_model(1, kLocation);
  Seen seen = seen_of(true, true, true);
  seen.presence = seen.presence.clone();
  seen.presence[3][1] = false;
  const at::Tensor w = draw(*model, seen)[1];
  EXPECT_NEAR(w[2].item<double>(), kLocation, 1e-5);
  EXPECT_LT(w[3].item<double>(), kLocation - 1);
}

TEST(PrivateCodes, WithoutThemTheGeneratorStaysUntouched) {
  const auto model = tiny_model(0);
  auto generator = make_generator(1, "codes");
  const at::Tensor before = generator.get_state();
  EXPECT_TRUE(private_codes(*model, 3, {}, generator).empty());
  EXPECT_TRUE(at::equal(generator.get_state(), before));
}

TEST(Codes, OneLatentFeedsAllDecoders) {
  const auto model = tiny_model(2);
  auto generator = make_generator(1, "codes");
  const at::Tensor z = at::randn({5, 1});
  const auto codes = codes_of(*model, z, {}, generator);
  for (const at::Tensor& code : codes) {
    EXPECT_EQ(code.sizes(), at::IntArrayRef({5, 3}));
    EXPECT_TRUE(at::equal(code.narrow(1, 0, 1), z));
  }
}

}  // namespace codes_test
}  // namespace shalab
