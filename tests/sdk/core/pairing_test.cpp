#include "shalab/pairing.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "shalab/error.h"

namespace shalab {
namespace pairing_test {

TEST(RecipeStream, DrawsEveryNumberBelowTheBoundEquallyOften) {
  RecipeStream stream(1, "counts");
  std::vector<int> counts(3, 0);
  for (int i = 0; i < 30000; ++i) {
    ++counts.at(static_cast<std::size_t>(stream.below(3)));
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * 82);
  EXPECT_EQ(stream.below(1), 0);
  EXPECT_THROW(stream.below(0), Error);
}

TEST(RecipeStream, IsUnrelatedForAnotherPurpose) {
  RecipeStream one(1, "a"), again(1, "a"), other(1, "b");
  const double value = one.uniform();
  EXPECT_EQ(value, again.uniform());
  EXPECT_NE(value, other.uniform());
  EXPECT_GE(value, 0);
  EXPECT_LT(value, 1);
}

// Each of the 6 orders of 3 items is as frequent as any other.
TEST(Permutation, IsUniform) {
  RecipeStream stream(1, "orders");
  std::vector<int> counts(27, 0);
  for (int i = 0; i < 12000; ++i) {
    const at::Tensor p = permutation(3, stream);
    const auto code = p[0] * 9 + p[1] * 3 + p[2];
    ++counts.at(static_cast<std::size_t>(code.item<std::int64_t>()));
  }
  for (const int code : {5, 7, 11, 15, 19, 21}) {
    EXPECT_NEAR(counts[static_cast<std::size_t>(code)], 2000, 5 * 41);
  }
}

TEST(PermutationWithinClasses, KeepsTheClassAndUsesEachOnce) {
  RecipeStream stream(1, "classes");
  const at::Tensor labels = at::arange(60).remainder(3);
  const at::Tensor partner = permutation_within_classes(labels, 3, stream);
  EXPECT_TRUE(labels.index_select(0, partner).equal(labels));
  EXPECT_TRUE(std::get<0>(partner.sort()).equal(at::arange(60)));
  EXPECT_FALSE(partner.equal(at::arange(60)));
}

}  // namespace pairing_test
}  // namespace shalab
