#include "shalab/random.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

namespace shalab {
namespace random_test {

// By an independent implementation of FNV-1a and splitmix64.
TEST(DeriveSeed, IsTheSameOnEveryMachine) {
  EXPECT_EQ(derive_seed(1, "order"), 10362200065496645027ULL);
  EXPECT_EQ(derive_seed(0, ""), 6566800829925814604ULL);
}

TEST(DeriveSeed, DiffersByPurposeAndByRun) {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t run = 0; run < 50; ++run) {
    for (const char* purpose : {"order", "orders", "posterior", "sample/a"}) {
      seeds.insert(derive_seed(run, purpose));
    }
  }
  EXPECT_EQ(seeds.size(), 200u);
}

TEST(MakeGenerator, GivesIndependentStreams) {
  auto first = make_generator(7, "order");
  auto same = make_generator(7, "order");
  auto other = make_generator(7, "posterior");
  const at::Tensor a = at::randn({8}, first);
  EXPECT_TRUE(at::equal(a, at::randn({8}, same)));
  EXPECT_FALSE(at::equal(a, at::randn({8}, other)));
}

}  // namespace random_test
}  // namespace shalab
