#pragma once
// Which pairs of picture and caption belong to which split. Pair 10 i + c is
// caption c of picture i.

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "layout.h"

namespace shalab::cub_captions {

struct SplitRule {
  // Test pictures: "class", those of the test species; "cub", those that CUB
  // itself keeps for tests; "image", a fifth of all, drawn.
  std::string test;
  // Validation: "image", a share of the other pictures with all their captions,
  // drawn; "pair", a tenth of the other pairs as published by MultiVae
  // (scikit-learn's train_test_split with random_state = 0), so that captions
  // of one picture are in both.
  std::string validation;
  std::uint64_t seed = 0;
};

struct Splits {
  // int64 by Split. In every split but those of the rule "pair" each picture
  // comes once before any comes twice.
  std::array<at::Tensor, 3> pairs;
  std::vector<std::int64_t>
      learning;  // pictures outside the test split, sorted
};

// Error(usage) when the rule leaves no test pictures, or fewer than two others;
// Error(data) when the layout does not know CUB's own split.
Splits split_pairs(const std::vector<Picture>& pictures, const SplitRule& rule);

}  // namespace shalab::cub_captions
