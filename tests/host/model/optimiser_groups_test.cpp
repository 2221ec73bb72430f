#include "model/optimiser_groups.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shalab/error.h"

namespace shalab {
namespace optimiser_groups_test {

struct Pair {
  at::Tensor stage = at::zeros({3}).requires_grad_();
  at::Tensor own = at::zeros({2}).requires_grad_();

  OptimiserGroups optimiser(double clip_norm = 0.0) const {
    OptimiserOptions options;
    options.learning_rate = 0.1;
    return OptimiserGroups({stage, own}, options,
                           {{{own}, 0.01, 0.5, 0.999, clip_norm}});
  }
  // One step down the slope of `own` and of `stage`, here 1 and 1000.
  void step(OptimiserGroups& optimiser, double factor = 1.0) const {
    optimiser.zero_grad();
    (stage.sum() + own.sum() * 1000).backward();
    optimiser.step(factor);
  }
};

// Adam's first step is the learning rate, against the gradient's sign.
TEST(OptimiserGroups, EachGroupHasItsRate) {
  Pair pair;
  auto optimiser = pair.optimiser();
  pair.step(optimiser, 0.5);
  EXPECT_TRUE(at::allclose(pair.stage, at::full({3}, -0.05)));
  EXPECT_TRUE(at::allclose(pair.own, at::full({2}, -0.005)));
  EXPECT_EQ(optimiser.num_parameters(), 5);
}

// 1000 sqrt(2) is scaled to a norm of 2, an entry to sqrt(2); the mean is
// (1 - 0.5) of that. The stage's gradients are left alone: 0.1 of 1.
TEST(OptimiserGroups, ClipsAGroupByItsOwnNorm) {
  Pair pair;
  auto optimiser = pair.optimiser(2.0);
  pair.step(optimiser);
  const auto state = optimiser.state();
  EXPECT_TRUE(at::allclose(state.at("group.0.mean.0"),
                           at::full({2}, 0.5 * std::sqrt(2.0))));
  EXPECT_TRUE(at::allclose(state.at("mean.0"), at::full({3}, 0.1)));
}

TEST(OptimiserGroups, WithoutGroupsIsThePlainOptimiser) {
  const at::Tensor one = at::zeros({1}).requires_grad_();
  const auto names = [](const auto& state) {
    std::vector<std::string> result;
    for (const auto& [name, tensor] : state) result.push_back(name);
    return result;
  };
  EXPECT_EQ(names(OptimiserGroups({one}, {}, {}).state()),
            names(Optimiser({one}, {}).state()));
}

TEST(OptimiserGroups, GoesOnFromItsStateAsIfNotStopped) {
  Pair straight, stopped;
  auto whole = straight.optimiser(), first = stopped.optimiser();
  straight.step(whole);
  stopped.step(first);
  std::map<std::string, at::Tensor> saved;
  for (const auto& [name, tensor] : first.state()) {
    saved[name] = tensor.clone();
  }
  auto second = stopped.optimiser();
  second.load(saved);
  straight.step(whole);
  stopped.step(second);
  EXPECT_TRUE(at::equal(straight.own, stopped.own));
  EXPECT_TRUE(at::equal(straight.stage, stopped.stage));
}

TEST(OptimiserGroups, RefusesAStateWithoutTheGroups) {
  Pair pair;
  auto optimiser = pair.optimiser();
  auto state = optimiser.state();
  state.erase("group.0.mean.0");
  EXPECT_THROW(optimiser.load(state), Error);
}

TEST(OptimiserGroups, RefusesAGroupOfForeignTensors) {
  const at::Tensor one = at::zeros({1}).requires_grad_();
  EXPECT_THROW(OptimiserGroups({one}, {}, {{{at::zeros({1})}}}), Error);
}

}  // namespace optimiser_groups_test
}  // namespace shalab
