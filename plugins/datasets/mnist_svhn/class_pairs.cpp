#include "class_pairs.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace shalab::mnist_svhn {

namespace {

using Rows = std::vector<std::int64_t>;

std::int64_t count(const Rows& rows) {
  return static_cast<std::int64_t>(rows.size());
}

RowsByClass rows_by_class(const at::Tensor& labels) {
  RowsByClass rows;
  const auto* label = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    rows.at(static_cast<std::size_t>(label[i])).push_back(i);
  }
  return rows;
}

Rows take_last(Rows& rows, std::int64_t number) {
  Rows taken(rows.end() - number, rows.end());
  rows.resize(rows.size() - taken.size());
  return taken;
}

// One round, class after class.
struct Round {
  Rows first, second, labels;

  void append(const Rows& some, const Rows& others, std::int64_t label,
              RecipeStream& stream) {
    const at::Tensor some_order = permutation(count(some), stream);
    const at::Tensor other_order = permutation(count(others), stream);
    const auto* i = some_order.data_ptr<std::int64_t>();
    const auto* j = other_order.data_ptr<std::int64_t>();
    for (std::size_t k = 0; k < some.size(); ++k) {
      first.push_back(some[static_cast<std::size_t>(i[k])]);
      second.push_back(others[static_cast<std::size_t>(j[k])]);
      labels.push_back(label);
    }
  }
};

void store(const Rows& rows, const at::Tensor& order, std::int64_t begin,
           const at::Tensor& out) {
  const auto* from = order.data_ptr<std::int64_t>();
  auto* to = out.data_ptr<std::int64_t>() + begin;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    to[k] = rows[static_cast<std::size_t>(from[k])];
  }
}

}  // namespace

std::int64_t Partners::size() const {
  std::int64_t sum = 0;
  for (const Rows& rows : first) sum += count(rows);
  return sum;
}

Partners choose_partners(const at::Tensor& first_labels,
                         const at::Tensor& second_labels, std::int64_t limit) {
  Partners partners{rows_by_class(first_labels), rows_by_class(second_labels)};
  for (std::size_t c = 0; c < kClasses; ++c) {
    const auto kept = static_cast<std::size_t>(
        std::min({count(partners.first[c]), count(partners.second[c]), limit}));
    partners.first[c].resize(kept);
    partners.second[c].resize(kept);
  }
  return partners;
}

Partners hold_out(Partners& partners, std::int64_t number) {
  Partners held;
  const std::int64_t all = std::max<std::int64_t>(partners.size(), 1);
  std::int64_t seen = 0;
  std::int64_t taken = 0;
  for (std::size_t c = 0; c < kClasses; ++c) {
    seen += count(partners.first[c]);
    const std::int64_t due = seen * number / all - taken;
    held.first[c] = take_last(partners.first[c], due);
    held.second[c] = take_last(partners.second[c], due);
    taken += due;
  }
  return held;
}

Pairs pair_up(const Partners& partners, std::int64_t rounds,
              RecipeStream& stream) {
  const std::int64_t size = partners.size();
  const auto make = [&] { return at::empty({rounds * size}, at::kLong); };
  Pairs pairs{make(), make(), make()};
  for (std::int64_t begin = 0; begin < rounds * size; begin += size) {
    Round round;
    for (std::size_t c = 0; c < kClasses; ++c) {
      round.append(partners.first[c], partners.second[c],
                   static_cast<std::int64_t>(c), stream);
    }
    const at::Tensor order = permutation(size, stream);
    store(round.first, order, begin, pairs.first);
    store(round.second, order, begin, pairs.second);
    store(round.labels, order, begin, pairs.labels);
  }
  return pairs;
}

}  // namespace shalab::mnist_svhn
