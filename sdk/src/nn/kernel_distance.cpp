#include "shalab/nn/kernel_distance.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sample_sets.h"
#include "shalab/error.h"

namespace shalab {
namespace {

at::Tensor cubic_kernel(const at::Tensor& a, const at::Tensor& b) {
  return (a.matmul(b.t()) / static_cast<double>(a.size(1)) + 1).pow(3);
}

// The sum over pairs of different rows.
at::Tensor sum_of_others(const at::Tensor& x) {
  const at::Tensor k = cubic_kernel(x, x);
  return k.sum() - k.diagonal().sum();
}

}  // namespace

double squared_mmd(const at::Tensor& x, const at::Tensor& y) {
  SHALAB_CHECK(x.dim() == 2 && x.sizes() == y.sizes() && x.size(0) >= 2,
               "expected two sets [m, F], m >= 2");
  const at::Tensor a = x.to(at::kDouble), b = y.to(at::kDouble);
  const auto m = static_cast<double>(x.size(0));
  const at::Tensor within =
      (sum_of_others(a) + sum_of_others(b)) / (m * (m - 1));
  return (within - 2 * cubic_kernel(a, b).sum() / (m * m)).item<double>();
}

KernelDistance kernel_distance(const at::Tensor& real,
                               const at::Tensor& generated,
                               const KernelDistanceOptions& options,
                               at::Generator& generator) {
  require_sample_sets(real, generated, "the kernel distance");
  const at::Tensor x = real.to(at::kDouble), y = generated.to(at::kDouble);
  const std::int64_t smaller = std::min(x.size(0), y.size(0));
  KernelDistance result;
  result.subset_size = std::min(options.subset_size, smaller);
  const bool is_whole = result.subset_size == std::max(x.size(0), y.size(0));
  const std::int64_t subsets = is_whole ? 1 : options.subsets;
  std::vector<double> values;
  for (std::int64_t i = 0; i < subsets; ++i) {
    const at::Tensor a = random_rows(x, result.subset_size, generator);
    values.push_back(
        squared_mmd(a, random_rows(y, result.subset_size, generator)));
  }
  const at::Tensor all = at::tensor(values, at::kDouble);
  result.value = all.mean().item<double>();
  result.deviation = all.std(/*unbiased=*/false).item<double>();
  const std::int64_t left = smaller - result.subset_size;
  if (left > 0) {
    result.standard_error =
        result.deviation * std::sqrt(static_cast<double>(result.subset_size) /
                                     static_cast<double>(left));
  }
  return result;
}

}  // namespace shalab
