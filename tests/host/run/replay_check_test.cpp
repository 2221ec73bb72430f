#include "run/replay_check.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shalab/random.h"

namespace shalab {
namespace replay_check_test {

// Work that moves w by noise and counts itself.
struct Walk {
  void step() {
    w.add_(at::randn({64}, generator), 0.1);
    count.add_(1);
  }
  WorkState state() { return {{w, count}, generator}; }

  at::Tensor w = at::ones({64});
  at::Tensor count = at::zeros({}, at::kLong);
  at::Generator generator = make_generator(1, "walk");
};

TEST(ReplayDifference, IsNoneWhereTheReplayIsTheWork) {
  Walk walk, plain;
  const auto step = [&] { walk.step(); };
  EXPECT_EQ(replay_difference(walk.state(), step, step), "");
  plain.step();
  EXPECT_TRUE(walk.w.equal(plain.w));
  EXPECT_EQ(walk.count.item<std::int64_t>(), 1);
  walk.step();
  plain.step();
  EXPECT_TRUE(walk.w.equal(plain.w)) << "the generator goes on";
}

void expect_taken_back(const std::function<void(Walk&)>& replay) {
  Walk walk, fresh;
  const auto difference = replay_difference(
      walk.state(), [&] { walk.step(); }, [&] { replay(walk); });
  EXPECT_NE(difference.find("of shape ["), std::string::npos) << difference;
  EXPECT_TRUE(walk.w.equal(fresh.w));
  EXPECT_EQ(walk.count.item<std::int64_t>(), 0);
  walk.step();
  fresh.step();
  EXPECT_TRUE(walk.w.equal(fresh.w)) << "the generator is taken back too";
}

TEST(ReplayDifference, TakesBackAReplayThatDoesSomethingElse) {
  expect_taken_back([](Walk&) {});
  expect_taken_back([](Walk& walk) {
    walk.step();
    walk.step();
  });
  expect_taken_back([](Walk& walk) {
    walk.step();
    walk.w[3] += 1;
  });
  expect_taken_back([](Walk& walk) {
    walk.step();
    walk.count.zero_();
  });
  expect_taken_back([](Walk& walk) {
    walk.step();
    walk.w[3] = std::nan("");
  });
}

// As another order of summation does.
TEST(ReplayDifference, AllowsRounding) {
  Walk walk;
  const auto replay = [&] {
    walk.step();
    walk.w.mul_(1 + 1e-7);
    walk.w[0] += 1e-3;
  };
  EXPECT_EQ(replay_difference(
                walk.state(), [&] { walk.step(); }, replay),
            "");
}

TEST(ReplayDifference, LeavesParametersTheirGradients) {
  const at::Tensor w = at::ones({4}).requires_grad_(true);
  const auto step = [&] {
    w.square().sum().backward();
    const at::NoGradGuard no_grad;
    at::Tensor(w).sub_(w.grad(), 0.1);
  };
  const auto generator = make_generator(1, "step");
  EXPECT_NE(replay_difference({{w}, generator}, step, [] {}), "");
  EXPECT_TRUE(w.requires_grad() && w.is_leaf());
}

}  // namespace replay_check_test
}  // namespace shalab
