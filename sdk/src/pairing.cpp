#include "shalab/pairing.h"

#include <ATen/ops/empty.h>

#include <utility>
#include <vector>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

void shuffle(std::vector<std::int64_t>& items, RecipeStream& stream) {
  for (std::size_t left = items.size(); left > 1; --left) {
    const auto pick = stream.below(static_cast<std::int64_t>(left));
    std::swap(items[left - 1], items[static_cast<std::size_t>(pick)]);
  }
}

}  // namespace

RecipeStream::RecipeStream(std::uint64_t seed, const std::string& purpose)
    : engine_(derive_seed(seed, purpose)) {}

std::int64_t RecipeStream::below(std::int64_t bound) {
  SHALAB_CHECK(bound >= 1, "bound " + std::to_string(bound));
  const auto range = static_cast<std::uint64_t>(bound);
  const std::uint64_t threshold = (0 - range) % range;
  while (true) {
    const auto product = static_cast<unsigned __int128>(engine_()) * range;
    if (static_cast<std::uint64_t>(product) >= threshold) {
      return static_cast<std::int64_t>(product >> 64);
    }
  }
}

double RecipeStream::uniform() {
  return static_cast<double>(engine_() >> 11) * 0x1.0p-53;
}

at::Tensor permutation(std::int64_t n, RecipeStream& stream) {
  std::vector<std::int64_t> items(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) items[static_cast<std::size_t>(i)] = i;
  shuffle(items, stream);
  at::Tensor result = at::empty({n}, at::kLong);
  std::copy(items.begin(), items.end(), result.data_ptr<std::int64_t>());
  return result;
}

at::Tensor permutation_within_classes(const at::Tensor& labels,
                                      std::int64_t num_classes,
                                      RecipeStream& stream) {
  const std::int64_t n = labels.numel();
  const auto* label = labels.data_ptr<std::int64_t>();
  std::vector<std::vector<std::int64_t>> members(
      static_cast<std::size_t>(num_classes));
  for (std::int64_t i = 0; i < n; ++i) {
    members.at(static_cast<std::size_t>(label[i])).push_back(i);
  }
  at::Tensor partner = at::empty({n}, at::kLong);
  auto* out = partner.data_ptr<std::int64_t>();
  for (const std::vector<std::int64_t>& from : members) {
    std::vector<std::int64_t> to = from;
    shuffle(to, stream);
    for (std::size_t i = 0; i < from.size(); ++i) out[from[i]] = to[i];
  }
  return partner;
}

}  // namespace shalab
