#include "shalab/nn/solvers.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab::nn {
namespace solvers_test {

constexpr double kMean = 1.0;
constexpr double kDeviation = 0.5;

// E[z_0 | z_t] for z_0 ~ N(mean, deviation^2): the exact D.
at::Tensor exact_data(const NoiseSchedule& schedule, const at::Tensor& z,
                      double t) {
  const auto [a, s, lambda] = schedule.at(t);
  const double variance = kDeviation * kDeviation;
  const double gain = a * variance / (a * a * variance + s * s);
  return kMean + (z - kMean * a) * gain;
}

// The marginal at t is N(a mean, a^2 deviation^2 + s^2), and the exact flow
// keeps each point's quantile.
at::Tensor exact_flow(const NoiseSchedule& schedule, const at::Tensor& z,
                      double from, double to) {
  const auto deviation = [&](double t) {
    const auto [a, s, lambda] = schedule.at(t);
    return std::sqrt(a * a * kDeviation * kDeviation + s * s);
  };
  return (z - kMean * schedule.at(from).alpha) *
             (deviation(to) / deviation(from)) +
         kMean * schedule.at(to).alpha;
}

struct Outcome {
  at::Tensor z;
  double error;  // root mean square against the exact flow
  std::int64_t evaluations;
  int calls;
};

Outcome run(SolverKind kind, TimeGrid grid, std::int64_t steps) {
  const auto schedule = NoiseSchedule::linear();
  auto generator = make_generator(7, "solvers");
  const auto z = at::randn({4000, 1}, generator, at::kDouble);
  const auto times = solver_times(kind, schedule, grid, steps);
  int calls = 0;
  const auto solution = solve(
      kind, schedule, times, z,
      [&](const at::Tensor& z_t, double t) {
        ++calls;
        return exact_data(schedule, z_t, t);
      },
      generator);
  const auto expected = exact_flow(schedule, z, times.front(), times.back());
  const double error =
      (solution.z - expected).square().mean().sqrt().item<double>();
  return {solution.z, error, solution.evaluations, calls};
}

class EverySolver : public testing::TestWithParam<SolverKind> {};

TEST_P(EverySolver, RecoversAGaussianFromItsExactScore) {
  const std::int64_t steps = GetParam() == SolverKind::ddpm ? 250 : 40;
  const auto outcome = run(GetParam(), TimeGrid::quadratic, steps);
  // standard error of the mean .5/sqrt(4000) = .008, of the deviation .0056
  EXPECT_NEAR(outcome.z.mean().item<double>(), kMean, 0.03);
  EXPECT_NEAR(outcome.z.std().item<double>(), kDeviation, 0.02);
}

TEST_P(EverySolver, CountsItsEvaluations) {
  for (const std::int64_t steps : {1, 2, 3, 10}) {
    const auto outcome = run(GetParam(), TimeGrid::uniform, steps);
    const auto expected =
        GetParam() == SolverKind::heun ? 2 * steps - 1 : steps;
    EXPECT_EQ(outcome.evaluations, expected);
    EXPECT_EQ(outcome.calls, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Solvers, EverySolver,
    testing::Values(SolverKind::unipc2, SolverKind::dpmpp2m,
                    SolverKind::sde_dpmpp2m, SolverKind::ddim, SolverKind::heun,
                    SolverKind::ddpm),
    [](const auto& test) { return to_string(test.param); });

TEST(Solvers, SecondOrderBeatsFirstAtEqualCost) {
  for (const auto grid : {TimeGrid::quadratic, TimeGrid::lambda}) {
    for (const std::int64_t steps : {10, 20}) {
      const double first = run(SolverKind::ddim, grid, steps).error;
      EXPECT_LT(run(SolverKind::dpmpp2m, grid, steps).error, 0.6 * first)
          << to_string(grid) << steps;
      EXPECT_LT(run(SolverKind::unipc2, grid, steps).error, 0.6 * first)
          << to_string(grid) << steps;
    }
  }
  // On the uniform grid the last step spans half of lambda: DPM-Solver++ loses
  // its order there, UniPC ends in first order and keeps it.
  EXPECT_LT(run(SolverKind::unipc2, TimeGrid::uniform, 20).error,
            run(SolverKind::ddim, TimeGrid::uniform, 20).error);
}

TEST(Solvers, OrderShowsWhenTheStepIsHalved) {
  const auto gain = [](SolverKind kind) {
    return run(kind, TimeGrid::lambda, 40).error /
           run(kind, TimeGrid::lambda, 80).error;
  };
  EXPECT_NEAR(gain(SolverKind::ddim), 2.0, 0.3);
  EXPECT_GT(gain(SolverKind::dpmpp2m), 3.0);
  EXPECT_GT(gain(SolverKind::heun), 3.0);
}

// A chain of four levels with round numbers, from noise to data:
//   t      1      .75   .5    .25
//   alpha  .28    .6    .8    .96
//   sigma  .96    .8    .6    .28
//   e^{-h}    7/18   9/16  7/18
NoiseSchedule round_schedule() {
  return NoiseSchedule(
      {1 - 0.9216, 1 - 0.64 / 0.9216, 1 - 0.36 / 0.64, 1 - 0.0784 / 0.36});
}

// Solves from z = .6 with D = d[i] at the i-th time; notes the z it is asked.
at::Tensor solve_given(SolverKind kind, const std::vector<double>& times,
                       const std::vector<double>& d,
                       std::vector<double>* asked = nullptr) {
  auto generator = make_generator(0, "unused");
  std::size_t i = 0;
  return solve(
             kind, round_schedule(), times, at::full({1, 1}, 0.6, at::kDouble),
             [&](const at::Tensor& z, double t) {
               EXPECT_NEAR(t, times[i], 1e-12);
               if (asked) asked->push_back(z.item<double>());
               return at::full({1, 1}, d.at(i++), at::kDouble);
             },
             generator)
      .z;
}

TEST(Solvers, UnipcOfTwoStepsByHand) {
  std::vector<double> asked;
  const auto z =
      solve_given(SolverKind::unipc2, {1.0, 0.75, 0.5}, {1.0, 2.0}, &asked);
  // base      (.8/.96) .6 - .6 (7/18 - 1) 1       = .5 + 11/30
  // corrected base - .6 (7/18 - 1) (1/2) (2 - 1)  = base + 11/60 = 1.05
  // last      (.6/.8) 1.05 - .8 (9/16 - 1) 2      = .7875 + .7
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_NEAR(asked[0], 0.6, 1e-12);
  EXPECT_NEAR(asked[1], 0.5 + 11.0 / 30.0, 1e-12);
  EXPECT_NEAR(z.item<double>(), 1.4875, 1e-12);
}

// base 13/15 as unipc's; its correction weighs D_1 - D_0 by a_1 (e^h - 1) / 2 =
// .3 * 11/7; the last step is .75 z + .35 D.
TEST(Solvers, HeunOfTwoStepsByHand) {
  auto generator = make_generator(0, "unused");
  std::vector<double> asked, times;
  const double d[] = {1, 2, 4};
  const auto z =
      solve(
          SolverKind::heun, round_schedule(), {1.0, 0.75, 0.5},
          at::full({1, 1}, 0.6, at::kDouble),
          [&](const at::Tensor& x, double t) {
            asked.push_back(x.item<double>());
            times.push_back(t);
            return at::full({1, 1}, d[asked.size() - 1], at::kDouble);
          },
          generator)
          .z;
  EXPECT_EQ(times, (std::vector<double>{1.0, 0.75, 0.75}));
  const double corrected = 13.0 / 15 + 0.3 * 11 / 7;
  EXPECT_NEAR(asked[1], 13.0 / 15, 1e-12);
  EXPECT_NEAR(asked[2], corrected, 1e-12);
  EXPECT_NEAR(z.item<double>(), 0.75 * corrected + 0.35 * 4, 1e-12);
}

// Integral of e^l l^2.
double primitive(double l) { return std::exp(l) * (l * l - 2 * l + 2); }

// B(h) with order 2 integrates a D quadratic in lambda exactly once it has
// two past values: z_1 = (s_1/s_0) z_0 + s_1 int e^l D(l) dl.
TEST(Solvers, UnipcCorrectorIsExactForQuadraticData) {
  const double l0 = std::log(7.0 / 24), l1 = std::log(3.0 / 4),
               l2 = std::log(4.0 / 3);
  const double d0 = l0 * l0, d1 = l1 * l1, d2 = l2 * l2;
  const auto z =
      solve_given(SolverKind::unipc2, {1.0, 0.75, 0.5, 0.25}, {d0, d1, d2});
  const double first = 0.5 + 11.0 / 30.0 * (d0 + 0.5 * (d1 - d0));
  const double second = 0.75 * first + 0.6 * (primitive(l2) - primitive(l1));
  // the last step is first order: (.28/.6) z + .96 (11/18) d2
  EXPECT_NEAR(z.item<double>(), 0.28 / 0.6 * second + 0.96 * 11 / 18 * d2,
              1e-12);
}

TEST(Solvers, DdimAndDpmppByHand) {
  // first 13/15 as in unipc's base; then .75 z + .35 D
  EXPECT_NEAR(
      solve_given(SolverKind::ddim, {1.0, 0.75, 0.5}, {1, 2}).item<double>(),
      0.75 * 13 / 15 + 0.7, 1e-12);
  // second order in the middle of three steps: D = 2 + (2 - 1) h_2 / (2 h_1)
  const double h1 = std::log(18.0 / 7), h2 = std::log(16.0 / 9);
  const double middle = 0.75 * 13 / 15 + 0.35 * (2 + 0.5 * h2 / h1);
  EXPECT_NEAR(
      solve_given(SolverKind::dpmpp2m, {1.0, 0.75, 0.5, 0.25}, {1, 2, 4})
          .item<double>(),
      0.28 / 0.6 * middle + 0.96 * 11 / 18 * 4, 1e-12);
}

TEST(Solvers, AncestralStepIsThePosteriorOfTheChain) {
  // one step from t = .5 (abar .64) to z_0: the mean is D itself
  EXPECT_NEAR(solve_given(SolverKind::ddpm, {0.5}, {3.0}).item<double>(), 3.0,
              1e-12);
}

TEST(Solvers, DataFromNoiseAndVelocityAgree) {
  const NoiseLevel level{0.8, 0.6, std::log(0.8 / 0.6)};
  const auto z0 = at::tensor({1.0, -2.0}, at::kDouble);
  const auto e = at::tensor({0.5, 1.5}, at::kDouble);
  const auto z = z0 * 0.8 + e * 0.6;
  EXPECT_TRUE(at::allclose(data_from_noise(z, e, level), z0));
  EXPECT_TRUE(
      at::allclose(data_from_velocity(z, e * 0.8 - z0 * 0.6, level), z0));
}

TEST(SolverTimes, GridsByHand) {
  const auto schedule = NoiseSchedule::linear();
  const auto of = [&](TimeGrid grid) {
    return solver_times(SolverKind::unipc2, schedule, grid, 2);
  };
  EXPECT_NEAR(of(TimeGrid::uniform)[1], (1.0 + 0.001) / 2, 1e-12);
  EXPECT_NEAR(of(TimeGrid::quadratic)[1],
              std::pow((1.0 + std::sqrt(0.001)) / 2, 2), 1e-12);
  EXPECT_NEAR(schedule.at(of(TimeGrid::lambda)[1]).lambda,
              (schedule.at(1.0).lambda + schedule.at(0.001).lambda) / 2, 1e-6);
  EXPECT_NEAR(schedule.at(of(TimeGrid::alpha)[1]).alpha,
              (schedule.at(1.0).alpha + schedule.at(0.001).alpha) / 2, 1e-6);
  EXPECT_EQ(of(TimeGrid::lambda).front(), 1.0);
  EXPECT_EQ(of(TimeGrid::lambda).back(), 0.001);
}

TEST(SolverTimes, AStartKeepsTheRestOfTheGrid) {
  const auto schedule = NoiseSchedule::linear();
  const auto times =
      solver_times(SolverKind::unipc2, schedule, TimeGrid::uniform, 10, 0.5);
  ASSERT_EQ(times.size(), 6U);  // .5, .4006, .3007, .2008, .1009, .001
  EXPECT_EQ(times[0], 0.5);
  EXPECT_NEAR(times[1], 0.4006, 1e-9);
  EXPECT_EQ(
      solver_times(SolverKind::ddpm, schedule, TimeGrid::uniform, 1000, 0.5)
          .size(),
      500U);
}

TEST(Solvers, RefuseUnknownNamesAndRisingTimes) {
  EXPECT_EQ(solver_named("dpmpp2m"), SolverKind::dpmpp2m);
  EXPECT_EQ(to_string(time_grid_named("lambda")), "lambda");
  EXPECT_THROW(solver_named("euler"), Error);
  EXPECT_THROW(time_grid_named("cubic"), Error);
  EXPECT_THROW(solve_given(SolverKind::ddim, {0.5, 0.75}, {1}), Error);
}

TEST(Solvers, AncestralDrawsFollowTheGenerator) {
  const auto draw = [](std::uint64_t seed) {
    auto generator = make_generator(seed, "ddpm");
    const auto schedule = NoiseSchedule::linear();
    return solve(
               SolverKind::ddpm, schedule,
               solver_times(SolverKind::ddpm, schedule, TimeGrid::uniform, 5),
               at::zeros({3, 1}, at::kDouble),
               [&](const at::Tensor& z, double t) {
                 return exact_data(schedule, z, t);
               },
               generator)
        .z;
  };
  EXPECT_TRUE(at::equal(draw(1), draw(1)));
  EXPECT_FALSE(at::equal(draw(1), draw(2)));
}

}  // namespace solvers_test
}  // namespace shalab::nn
