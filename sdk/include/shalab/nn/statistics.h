#pragma once
// Streaming moments in double precision, and the Fréchet distance of two
// Gaussian fits. Shape letters: B batch, N samples seen, F columns.
//
// Both accumulators work on the device of their input and read nothing back
// until asked. How the samples were cut into batches changes their results by
// rounding only (updates of Chan, Golub and LeVeque 1983).

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace shalab {

// Mean and covariance of feature vectors.
class FeatureMoments {
 public:
  // features [B, F], any floating type, B >= 0. A failed check on another rank
  // or another F than before.
  void add(const at::Tensor& features);
  // As if the samples of `other` had been added here.
  void merge(const FeatureMoments& other);

  std::int64_t count() const { return count_; }  // N
  at::Tensor mean() const;                       // double [F]; N >= 1
  at::Tensor covariance() const;  // double [F, F], divisor N - 1; N >= 2

 private:
  std::int64_t count_ = 0;
  at::Tensor mean_;     // [F]
  at::Tensor scatter_;  // [F, F]: sum of (x - mean)(x - mean)^T
};

// One mean, as a measurement wants it.
struct Estimate {
  double value = 0.0;
  double standard_error = 0.0;  // 0 = not estimated
  std::int64_t count = 0;       // values that were averaged
};

// Means of F columns with their standard errors, each value with a weight of
// 0 (does not count) or 1.
class ColumnMeans {
 public:
  // values [B, F] of any type; weights [B, F], [B, 1] or undefined (all 1). A
  // value of weight 0 must be finite.
  void add(const at::Tensor& values, const at::Tensor& weights = {});

  bool empty() const { return !mean_.defined(); }
  at::Tensor counts() const;  // double [F]
  at::Tensor means() const;   // double [F]; 0 where nothing was counted
  // sqrt(variance / n), divisor n - 1 in the variance; 0 where n < 2. For a
  // share p this is sqrt(p (1 - p) / (n - 1)).
  at::Tensor standard_errors() const;
  // All of it, read back at once; one per column.
  std::vector<Estimate> estimates() const;

 private:
  at::Tensor count_, mean_, scatter_;  // [F]
};

// The mean of each row of values [B, F] over its columns of weight 1 (weights
// [B, F]): double [B, 1], 0 where there are none.
at::Tensor row_means(const at::Tensor& values, const at::Tensor& weights);

// d^2 = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^{1/2} S2 S1^{1/2})^{1/2}
// of the Gaussian fits N(m1, S1) and N(m2, S2) (Heusel et al. 2017, eq. 6;
// the squared Wasserstein-2 distance, unit: squared features).
//
// With S_i = U_i L_i U_i^T from symmetric eigendecompositions and
// F_i = U_i L_i^{1/2} over the eigenvalues above rounding, the last trace is
// the nuclear norm of F_1^T F_2. No square root of a rounded zero is taken, so
// it is as exact for N < F as otherwise. Computed on the CPU; symmetric in its
// arguments up to rounding; never below 0.
// Errors: Error(run) when a side has fewer than 2 samples or a feature is not
// finite; a failed check when the F differ.
double frechet_distance(const FeatureMoments& real,
                        const FeatureMoments& generated);

}  // namespace shalab
