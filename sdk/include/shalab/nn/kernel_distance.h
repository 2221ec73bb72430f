#pragma once
// The kernel distance behind KID: an unbiased estimate of MMD^2 under a cubic
// kernel.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace shalab {

struct KernelDistanceOptions {
  std::int64_t subsets = 100;
  std::int64_t subset_size = 1000;  // m; at most the samples of either side
};

struct KernelDistance {
  double value = 0.0;            // mean over the subsets
  double deviation = 0.0;        // standard deviation over them, divisor n
  double standard_error = 0.0;   // of `value`; 0 = not estimated
  std::int64_t subset_size = 0;  // m as used
};

// Of x, y [m, F], m >= 2, with k(a, b) = (a.b / F + 1)^3:
//   sum_{i != j} (k(x_i, x_j) + k(y_i, y_j)) / (m (m - 1))
//     - 2 sum_{i, j} k(x_i, y_j) / m^2
// (Gretton et al. 2012, eq. 3, with m^2 pairs in the mixed term). Its
// expectation is 0 for equal distributions, so it may be negative. In double.
double squared_mmd(const at::Tensor& x, const at::Tensor& y);

// The mean of squared_mmd over `subsets` pairs of subsets of m samples each,
// drawn without replacement (Bińkowski et al. 2018). Where m is all of both
// sides, one pair is all there is. The standard error is that of subsampling,
//   deviation sqrt(m / (n - m)),   n the smaller side, where n > m.
// real, generated [N, F], N may differ, any floating type; `generator` is a
// CPU one; its draws index rows, so the order of rows matters. Errors:
// Error(run) when a side has fewer than 2 samples; a failed check when the F
// differ.
KernelDistance kernel_distance(const at::Tensor& real,
                               const at::Tensor& generated,
                               const KernelDistanceOptions& options,
                               at::Generator& generator);

}  // namespace shalab
