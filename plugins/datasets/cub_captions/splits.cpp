#include "splits.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <random>

#include "shalab/error.h"
#include "shalab/pairing.h"
#include "shalab/resident_dataset.h"

namespace shalab::cub_captions {

namespace {

using Indices = std::vector<std::int64_t>;

constexpr std::int64_t kTestFraction = 5;     // a fifth
constexpr double kValidationOfPairs = 0.1;    // MultiVae's test_size
constexpr std::uint32_t kPublishedState = 0;  // MultiVae's random_state

at::Tensor to_tensor(const Indices& indices) {
  at::Tensor result =
      at::empty({static_cast<std::int64_t>(indices.size())}, at::kLong);
  std::copy(indices.begin(), indices.end(), result.data_ptr<std::int64_t>());
  return result;
}

Indices shuffled(const Indices& indices, const SplitRule& rule,
                 const std::string& purpose) {
  RecipeStream stream(rule.seed, "cub_captions/" + purpose);
  const at::Tensor order =
      permutation(static_cast<std::int64_t>(indices.size()), stream);
  Indices result;
  for (std::int64_t i = 0; i < order.numel(); ++i) {
    result.push_back(
        indices[static_cast<std::size_t>(order.data_ptr<std::int64_t>()[i])]);
  }
  return result;
}

Indices sorted(Indices indices) {
  std::sort(indices.begin(), indices.end());
  return indices;
}

std::vector<bool> tested_by_draw(std::size_t count, const SplitRule& rule) {
  Indices all(count);
  std::iota(all.begin(), all.end(), 0);
  const Indices order = shuffled(all, rule, "test");
  std::vector<bool> is_test(count, false);
  for (std::size_t i = 0; i < count / kTestFraction; ++i) {
    is_test[static_cast<std::size_t>(order[i])] = true;
  }
  return is_test;
}

std::vector<bool> tested(const std::vector<Picture>& pictures,
                         const SplitRule& rule) {
  if (rule.test == "image") return tested_by_draw(pictures.size(), rule);
  std::vector<bool> is_test;
  for (const Picture& picture : pictures) {
    if (rule.test == "class") {
      is_test.push_back(picture.is_test_species);
      continue;
    }
    if (!picture.is_cub_train.has_value()) {
      throw Error(ErrorKind::data,
                  "nothing says on which side of CUB's own split " +
                      picture.name + " is",
                  "set dataset.split = class or image, or give every picture "
                  "a row in meta.tsv, column cub_train");
    }
    is_test.push_back(!*picture.is_cub_train);
  }
  return is_test;
}

// Round r shows every picture once, in one drawn order, with caption r + i.
at::Tensor in_rounds(const Indices& pictures, const SplitRule& rule,
                     const std::string& purpose) {
  const Indices order = shuffled(pictures, rule, "order/" + purpose);
  Indices pairs;
  for (std::int64_t round = 0; round < kCaptions; ++round) {
    for (const std::int64_t i : order) {
      pairs.push_back(kCaptions * i + (round + i) % kCaptions);
    }
  }
  return to_tensor(pairs);
}

// numpy.random.RandomState(state).permutation(n): Fisher-Yates from the end,
// each index drawn by masking and rejecting 32-bit words of MT19937.
Indices numpy_permutation(std::size_t n, std::uint32_t state) {
  std::mt19937 engine(state);
  Indices order(n);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = n; i-- > 1;) {
    const std::size_t mask = std::bit_ceil(i + 1) - 1;
    std::size_t j = engine() & mask;
    while (j > i) j = engine() & mask;
    std::swap(order[i], order[j]);
  }
  return order;
}

void hold_out_pictures(const SplitRule& rule, Splits& splits) {
  const auto count = static_cast<std::int64_t>(splits.learning.size());
  const std::int64_t held_out = std::max<std::int64_t>(
      1, validation_share(kCaptions * count) / kCaptions);
  const Indices order = shuffled(splits.learning, rule, "validation");
  const auto cut = order.end() - held_out;
  splits.pairs[0] = in_rounds(sorted({order.begin(), cut}), rule, "train");
  splits.pairs[1] = in_rounds(sorted({cut, order.end()}), rule, "validation");
}

void hold_out_pairs(Splits& splits) {
  Indices pairs;
  for (const std::int64_t i : splits.learning) {
    for (std::int64_t c = 0; c < kCaptions; ++c) {
      pairs.push_back(kCaptions * i + c);
    }
  }
  Indices order;
  for (const std::int64_t i :
       numpy_permutation(pairs.size(), kPublishedState)) {
    order.push_back(pairs[static_cast<std::size_t>(i)]);
  }
  const auto cut = order.begin() +
                   static_cast<std::int64_t>(std::ceil(
                       kValidationOfPairs * static_cast<double>(pairs.size())));
  splits.pairs[0] = to_tensor({cut, order.end()});
  splits.pairs[1] = to_tensor({order.begin(), cut});
}

}  // namespace

Splits split_pairs(const std::vector<Picture>& pictures,
                   const SplitRule& rule) {
  const std::vector<bool> is_test = tested(pictures, rule);
  Splits splits;
  Indices test;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    (is_test[i] ? test : splits.learning)
        .push_back(static_cast<std::int64_t>(i));
  }
  if (test.empty() || splits.learning.size() < 2) {
    throw Error(ErrorKind::usage,
                "dataset.split = " + rule.test + " leaves " +
                    std::to_string(test.size()) + " test pictures and " +
                    std::to_string(splits.learning.size()) + " others",
                "choose another dataset.split, or name the test species with "
                "dataset.test_classes");
  }
  if (rule.validation == "pair") {
    hold_out_pairs(splits);
  } else {
    hold_out_pictures(rule, splits);
  }
  splits.pairs[2] = in_rounds(test, rule, "test");
  return splits;
}

}  // namespace shalab::cub_captions
