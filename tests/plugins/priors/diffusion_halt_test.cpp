// Draws of the diffusion prior that halt on their way.

#include <gtest/gtest.h>

#include <cmath>

#include "shalab/nn/noise_schedule.h"
#include "two_modes.h"

namespace shalab {
namespace diffusion_halt_test {

const ModalitySubset kPhoto = ModalitySubset::only(0);

Draw joint(Prior& prior, std::int64_t n) {
  auto generator = make_generator(1, "joint");
  return prior.sample(n, generator);
}

Draw given(Prior& prior, const Condition& condition) {
  auto generator = make_generator(1, "joint");
  return prior.sample_given(condition, generator);
}

constexpr double kMeans[] = {2.0, -1.0};
constexpr double kVariances[] = {0.04, 4.0};

// N(means, variances), whatever the features.
LatentSet one_gaussian(std::int64_t rows) {
  auto latents = two_modes(rows);
  for (std::int64_t d = 0; d < 2; ++d) {
    latents.mean.select(1, d).fill_(kMeans[d]);
    latents.log_var.select(1, d).fill_(std::log(kVariances[d]));
  }
  return latents;
}

// z_t = a z_0 + s e: mean a mu, variance a^2 v + s^2. The bounds are four
// standard errors of 4,000 draws and 0.1 for the learnt network.
TEST(DiffusionHalt, DrawsHaveTheMomentsOfTheForwardProcess) {
  at::manual_seed(1);
  const Keys raw{{"standardise", false}, {"steps", std::int64_t{20}}};
  auto learnt = small_diffusion(raw);
  train(*learnt, one_gaussian(2000), 600);
  for (const double level : {0.0, 0.2, 0.5, 0.9}) {
    auto keys = raw;
    keys.emplace_back("halt_at", level);
    auto prior = small_diffusion(keys);
    load_from(*prior, *learnt);
    const auto z = joint(*prior, 4000).z.to(at::kDouble);
    const auto noise = nn::NoiseSchedule::linear().at(level);
    for (std::int64_t d = 0; d < 2; ++d) {
      const double variance =
          noise.alpha * noise.alpha * kVariances[d] + noise.sigma * noise.sigma;
      const auto column = z.select(1, d);
      EXPECT_NEAR(column.mean().item<double>(), noise.alpha * kMeans[d],
                  0.1 + 4 * std::sqrt(variance / 4000))
          << level << ' ' << d;
      EXPECT_NEAR(column.var().item<double>(), variance,
                  variance * (0.1 + 4 * std::sqrt(2.0 / 4000)))
          << level << ' ' << d;
    }
  }
}

TEST(DiffusionHalt, DrawsCostLessAndSaySo) {
  auto prior = small_diffusion({{"halt_at", 0.45}});
  EXPECT_EQ(joint(*prior, 4).nfe, 6);  // of ten uniform steps
  EXPECT_EQ(prior->generation(false),
            "unipc2 steps=10 grid=uniform halt_at=0.45 autoguidance=1");
  auto condition = condition_on(kPhoto, at::ones({4}));
  EXPECT_EQ(given(*prior, condition).nfe, 6);
  condition.start = at::zeros({4, 2});
  condition.noise_level = 0.4;
  EXPECT_THROW(given(*prior, condition), Error);
}

}  // namespace diffusion_halt_test
}  // namespace shalab
