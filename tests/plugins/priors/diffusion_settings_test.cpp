#include <gtest/gtest.h>

#include "two_modes.h"

namespace shalab {
namespace diffusion_settings_test {

TEST(Diffusion, RefusesAnEarlyCopyThatIsNotKept) {
  for (const Keys& keys :
       {Keys{{"snapshot", 0.0}, {"autoguidance", 2.0}},
        Keys{{"snapshot", 0.0}, {"guidance_null", std::string("early")}}}) {
    try {
      small_diffusion(keys);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(error.message().find("snapshot = 0"), std::string::npos);
    }
  }
}

TEST(Diffusion, RefusesToHaltWhatEndsAtTheData) {
  for (const Keys& keys :
       {Keys{{"sampler", std::string("ddpm")}, {"halt_at", 0.5}},
        Keys{{"sampler", std::string("student")},
             {"student_steps", std::int64_t{2}},
             {"halt_at", 0.5}}}) {
    try {
      small_diffusion(keys);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(error.message().find("halt_at"), std::string::npos);
    }
  }
}

TEST(Diffusion, EveryKindOfModalityCanBeAConditionX) {
  auto context = two_modes_context();
  context.modalities[0].kind = ModalityKind::image;
  context.modalities[0].shape = {3, 28, 20};
  context.modalities[1].kind = ModalityKind::tokens;
  context.modalities[1].shape = {5};
  context.modalities[1].vocabulary = {"a", "b", "c"};
  auto prior = make_prior("diffusion", context,
                          {{"condition", std::string("x")},
                           {"width", std::int64_t{16}},
                           {"blocks", std::int64_t{1}}});
  LatentBatch batch;
  batch.z = at::randn({6, 2});
  batch.batch.data = {at::rand({6, 3, 28, 20}), at::ones({6, 5}, at::kLong)};
  auto generator = make_generator(1, "x");
  EXPECT_GT(prior->loss(batch, 0.0, generator).loss.item<float>(), 0.0f);
  batch.batch.data[0] = at::rand({6, 3, 28, 28});
  EXPECT_THROW(prior->loss(batch, 0.0, generator), Error);
}

}  // namespace diffusion_settings_test
}  // namespace shalab
