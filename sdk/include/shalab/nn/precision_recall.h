#pragma once
// Precision and recall of distributions (PRD; Sajjadi et al. 2018).
// Shape letters: N samples, F columns, K clusters, A angles.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace shalab {

// precision(l) = sum_k min(l p_k, q_k) and recall(l) = precision(l) / l for A
// slopes l = tan(angle) between 0 and pi / 2: double [A] on the CPU, in [0, 1].
struct PrdCurve {
  at::Tensor precision;
  at::Tensor recall;
};

// p of the real, q of the generated samples: [K], at least 0, each summing to
// 1. A = 1,001 equally spaced angles from 1e-10 to pi / 2 - 1e-10.
PrdCurve prd_curve(const at::Tensor& p, const at::Tensor& q);

// The largest (1 + beta^2) precision recall / (beta^2 precision + recall) of
// the curve; beta > 1 weighs recall more, beta < 1 precision.
double largest_f_beta(const PrdCurve& curve, double beta);

// int64 [N]: the cluster of each row of x [N, F]. k-means from k-means++
// centres, Lloyd's steps until no row changes (at most 100). Fewer clusters
// than asked for where x has fewer different rows. `generator` is a CPU one.
at::Tensor k_means(const at::Tensor& x, std::int64_t clusters,
                   at::Generator& generator);

struct PrecisionRecallOptions {
  std::int64_t clusters = 20;
  std::int64_t runs = 10;  // clusterings whose curves are averaged
};

struct PrecisionRecall {
  double precision = 0.0;  // F_1/8 of the mean curve
  double recall = 0.0;     // F_8
};

// Histograms over the clusters of both sides together, the curve of each
// clustering, their mean. Sides of unequal size are cut at random to the
// smaller one first: the clusters would lean to the larger. The published code
// differs in the clustering only (mini-batches, best of ten starts).
// real, generated [N, F], any floating type; the order of rows matters.
// Errors: Error(run) when a side has fewer than 2 samples; a failed check when
// the F differ.
PrecisionRecall precision_recall(const at::Tensor& real,
                                 const at::Tensor& generated,
                                 const PrecisionRecallOptions& options,
                                 at::Generator& generator);

}  // namespace shalab
