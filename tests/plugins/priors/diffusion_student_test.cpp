#include <gtest/gtest.h>

#include "two_modes.h"

namespace shalab {
namespace diffusion_student_test {

constexpr std::int64_t kSteps = 2;
const Keys kStudent{{"student_steps", kSteps},
                    {"student_share", 0.5},
                    {"student_guidance", 1.5}};

const Prior& trained() {
  static const std::shared_ptr<Prior> prior = [] {
    at::manual_seed(1);
    auto made = small_diffusion(kStudent);
    train(*made, two_modes(2000), 800);
    return made;
  }();
  return *prior;
}

std::shared_ptr<Prior> trained_with(Keys keys) {
  keys.insert(keys.end(), kStudent.begin(), kStudent.end());
  auto prior = small_diffusion(keys);
  load_from(*prior, trained());
  return prior;
}

std::shared_ptr<Prior> student() {
  return trained_with({{"sampler", std::string("student")}});
}

Draw joint(Prior& prior, std::int64_t n) {
  auto generator = make_generator(1, "joint");
  return prior.sample(n, generator);
}

// Root mean square of the way between the ends of the same noise.
double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).square().mean().sqrt().item<double>();
}

TEST(DiffusionStudent, EndsWhereTheTeacherEnds) {
  const auto far = joint(*trained_with({{"steps", std::int64_t{40}}}), 500);
  const auto few = joint(*trained_with({{"steps", kSteps}}), 500);
  const auto taught = joint(*student(), 500);
  EXPECT_EQ(taught.nfe, kSteps);
  EXPECT_LT(distance(taught.z, far.z), 0.5 * distance(few.z, far.z));
}

TEST(DiffusionStudent, FollowsItsCondition) {
  const auto side = at::where(at::arange(400) < 200, -1.0, 1.0).to(at::kFloat);
  for (const auto subset : {ModalitySubset::only(0), ModalitySubset::only(1),
                            ModalitySubset::all(2)}) {
    auto generator = make_generator(1, "given");
    const auto draw =
        student()->sample_given(condition_on(subset, side), generator);
    EXPECT_EQ(draw.nfe, kSteps);
    const auto is_right = draw.z.select(1, 0).sign() == side;
    EXPECT_GT(is_right.to(at::kFloat).mean().item<float>(), 0.9);
  }
}

TEST(DiffusionStudent, TellsWhatWasFoldedIn) {
  EXPECT_EQ(student()->generation(false), "student steps=2 of autoguidance=1");
  EXPECT_EQ(student()->generation(true), "student steps=2 of guidance=1.5");
}

TEST(DiffusionStudent, TheTeacherIsThatOfTrainingWithoutAStudent) {
  at::manual_seed(1);
  auto alone = small_diffusion();
  train(*alone, two_modes(2000), 400);
  EXPECT_TRUE(at::equal(joint(*alone, 50).z, joint(*trained_with({}), 50).z));
}

TEST(DiffusionStudent, EachPartHasTheWholeSchedule) {
  const auto prior = small_diffusion(kStudent);
  EXPECT_DOUBLE_EQ(prior->schedule_progress(0.0), 0.0);
  EXPECT_DOUBLE_EQ(prior->schedule_progress(0.25), 0.5);
  EXPECT_DOUBLE_EQ(prior->schedule_progress(0.5), 0.0);
  EXPECT_DOUBLE_EQ(prior->schedule_progress(0.75), 0.5);
  EXPECT_DOUBLE_EQ(small_diffusion()->schedule_progress(0.25), 0.25);
}

TEST(DiffusionStudent, RefusesWhatItCannotDo) {
  const std::string name = "student";
  EXPECT_THROW(small_diffusion({{"sampler", name}}), Error);
  EXPECT_THROW(small_diffusion({{"student_steps", kSteps},
                                {"prediction", std::string("eps")}}),
               Error);
  EXPECT_THROW(small_diffusion({{"student_steps", kSteps},
                                {"student_autoguidance", 2.0},
                                {"snapshot", 0.0}}),
               Error);
  EXPECT_THROW(trained_with({{"sampler", name},
                             {"subset_conditioning", std::string("average")}}),
               Error);
  auto condition = condition_on(ModalitySubset::only(0), at::ones({3}));
  condition.start = at::zeros({3, 2});
  condition.noise_level = 0.5;
  auto generator = make_generator(1, "style");
  EXPECT_THROW(student()->sample_given(condition, generator), Error);
}

}  // namespace diffusion_student_test
}  // namespace shalab
