#pragma once
// Multinomial logistic regression: the linear classifier of linear probes.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace shalab {

struct LinearClassifier {
  at::Tensor weight;  // double [C, F]
  at::Tensor bias;    // double [C]; -infinity of a class without labels

  // int64 [B]: the likeliest class of each row of x [B, F].
  at::Tensor classes(const at::Tensor& x) const;
};

// The minimum of
//   sum_i -log softmax(W x_i + b)_{y_i} + |W|^2 / (2 inverse_penalty)
// found by L-BFGS (strong Wolfe line search) from zero: one point, whatever the
// order of rows. Equals scikit-learn's LogisticRegression(C=inverse_penalty)
// of three or more classes (of two, that one penalises half as much).
// x [N, F] of any floating type, not scaled; labels int64 [N] in 0 ..
// num_classes - 1. Classes that no label shows are never the likeliest.
// Computed on the CPU in double. Errors: Error(run) when x is not finite or all
// labels are one class; a failed check when N is 0 or a label out of range.
LinearClassifier fit_logistic_regression(const at::Tensor& x,
                                         const at::Tensor& labels,
                                         std::int64_t num_classes,
                                         double inverse_penalty);

}  // namespace shalab
