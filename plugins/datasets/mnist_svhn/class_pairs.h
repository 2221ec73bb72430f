#pragma once
// The pairing of MNIST-SVHN (Shi et al., 2019): pictures of one class meet,
// each several times, with another partner each time.

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "labelled_images.h"
#include "shalab/pairing.h"

namespace shalab::mnist_svhn {

// Row numbers of a picture set, ascending, by class.
using RowsByClass = std::array<std::vector<std::int64_t>, kClasses>;

// The rows of both sets that meet: equally many of a class in either.
struct Partners {
  RowsByClass first;
  RowsByClass second;

  std::int64_t size() const;  // rows of either set
};

// Of each class the first n rows of both sets, n the smaller count and at most
// `limit`. Labels: int64 [N], 0 .. 9.
Partners choose_partners(const at::Tensor& first_labels,
                         const at::Tensor& second_labels, std::int64_t limit);

// Takes the last rows of each class from `partners` and returns them: `number`
// of either set, the classes in proportion to a row. number <= size().
Partners hold_out(Partners& partners, std::int64_t number);

// Pair i joins row first[i] of one set with row second[i] of the other; both
// are of class labels[i]. int64 [N] each.
struct Pairs {
  at::Tensor first;
  at::Tensor second;
  at::Tensor labels;
};

// `rounds` times partners.size() pairs. In a round each row occurs once; who
// meets whom is uniform within a class, and so is the order of the round.
Pairs pair_up(const Partners& partners, std::int64_t rounds,
              RecipeStream& stream);

}  // namespace shalab::mnist_svhn
