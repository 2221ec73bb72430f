#pragma once
// How datasets pair items of one class, and the numbers that decide it.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <random>
#include <string>

namespace shalab {

// One stream of a recipe ("train/pairs/m0"), unrelated to every other and
// equal on every machine and with every LibTorch: recipes are part of a
// dataset's identity. Made by derive_seed(seed, purpose).
class RecipeStream {
 public:
  RecipeStream(std::uint64_t seed, const std::string& purpose);
  // Uniform in 0 .. bound - 1; bound >= 1. Lemire's multiply-and-reject.
  std::int64_t below(std::int64_t bound);
  double uniform();  // in [0, 1), multiples of 2^-53

 private:
  std::mt19937_64 engine_;
};

// Uniform permutation of 0 .. n - 1, int64 [n] (Fisher-Yates).
at::Tensor permutation(std::int64_t n, RecipeStream& stream);

// `partner[i]` is an index of the same class as i; each index is used once, and
// the permutation is uniform within each class. labels: int64 [N], in
// 0 .. num_classes - 1. Result int64 [N].
at::Tensor permutation_within_classes(const at::Tensor& labels,
                                      std::int64_t num_classes,
                                      RecipeStream& stream);

}  // namespace shalab
