#include "shalab/nn/precision_recall.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numbers>
#include <vector>

#include "sample_sets.h"
#include "shalab/error.h"

namespace shalab {
namespace {

constexpr std::int64_t kAngles = 1001;
constexpr double kAngleMargin = 1e-10;
constexpr std::int64_t kLloydSteps = 100;
constexpr double kBeta = 8.0;

at::Tensor squared_distances(const at::Tensor& x, const at::Tensor& centres) {
  return (x.square().sum(1, true) - 2 * x.matmul(centres.t()) +
          centres.square().sum(1))
      .clamp_min(0);
}

// A row in proportion to its weight, by one uniform number: the same on every
// device. -1 where all weights are 0.
std::int64_t weighted_row(const at::Tensor& weights, at::Generator& generator) {
  const at::Tensor sums = weights.cpu().cumsum(0);
  const double total = sums[-1].item<double>();
  const double u =
      at::rand({1}, generator, at::TensorOptions(at::kDouble)).item<double>();
  if (!(total > 0)) return -1;
  const at::Tensor place = at::full({1}, u * total, sums.options());
  const auto row = at::searchsorted(sums, place, false, /*right=*/true);
  return std::min(row.item<std::int64_t>(), weights.size(0) - 1);
}

at::Tensor distances_to(const at::Tensor& x, const at::Tensor& centre) {
  return (x - centre).square().sum(1);
}

// k-means++: each next centre is a row drawn in proportion to its squared
// distance from the nearest centre so far.
at::Tensor spread_out_centres(const at::Tensor& x, std::int64_t clusters,
                              at::Generator& generator) {
  std::int64_t row = weighted_row(at::ones_like(x.select(1, 0)), generator);
  at::Tensor distance = distances_to(x, x[row]);
  std::vector<at::Tensor> centres{x[row]};
  while (static_cast<std::int64_t>(centres.size()) < clusters) {
    row = weighted_row(distance, generator);
    if (row < 0) break;
    centres.push_back(x[row]);
    distance = at::minimum(distance, distances_to(x, x[row]));
  }
  return at::stack(centres);
}

// An empty cluster keeps its centre.
at::Tensor centres_of(const at::Tensor& x, const at::Tensor& labels,
                      const at::Tensor& before) {
  const at::Tensor member =
      at::one_hot(labels, before.size(0)).to(x.scalar_type());  // [N, K]
  const at::Tensor count = member.sum(0).unsqueeze(1);
  const at::Tensor mean = member.t().matmul(x) / count.clamp_min(1);
  return at::where(count > 0, mean, before);
}

at::Tensor cluster_shares(const at::Tensor& labels, std::int64_t clusters) {
  const at::Tensor count =
      at::bincount(labels, {}, clusters).to(at::kDouble).cpu();
  return count / count.sum();
}

}  // namespace

PrdCurve prd_curve(const at::Tensor& p, const at::Tensor& q) {
  SHALAB_CHECK(p.dim() == 1 && p.sizes() == q.sizes(), "unequal histograms");
  const at::Tensor slopes =
      at::linspace(kAngleMargin, std::numbers::pi / 2 - kAngleMargin, kAngles,
                   at::TensorOptions(at::kDouble))
          .tan();
  const at::Tensor precision =
      at::minimum(slopes.unsqueeze(1) * p.to(at::kDouble), q.to(at::kDouble))
          .sum(1);
  return {precision.clamp(0, 1), (precision / slopes).clamp(0, 1)};
}

double largest_f_beta(const PrdCurve& curve, double beta) {
  const double square = beta * beta;
  const at::Tensor product = curve.precision * curve.recall;
  const at::Tensor below = square * curve.precision + curve.recall;
  const at::Tensor f =
      at::where(below > 0, (1 + square) * product / below, 0.0);
  return f.max().item<double>();
}

at::Tensor k_means(const at::Tensor& x, std::int64_t clusters,
                   at::Generator& generator) {
  const at::Tensor rows = x.to(at::kDouble);
  at::Tensor centres = spread_out_centres(rows, clusters, generator);
  at::Tensor labels = squared_distances(rows, centres).argmin(1);
  for (std::int64_t step = 0; step < kLloydSteps; ++step) {
    centres = centres_of(rows, labels, centres);
    const at::Tensor moved = squared_distances(rows, centres).argmin(1);
    if (moved.equal(labels)) break;
    labels = moved;
  }
  return labels;
}

PrecisionRecall precision_recall(const at::Tensor& real,
                                 const at::Tensor& generated,
                                 const PrecisionRecallOptions& options,
                                 at::Generator& generator) {
  require_sample_sets(real, generated, "precision and recall");
  const std::int64_t size = std::min(real.size(0), generated.size(0));
  const at::Tensor first = random_rows(real, size, generator);
  const at::Tensor both =
      at::cat({first, random_rows(generated, size, generator)});
  PrdCurve sum;
  for (std::int64_t run = 0; run < options.runs; ++run) {
    const at::Tensor labels = k_means(both, options.clusters, generator);
    const PrdCurve curve =
        prd_curve(cluster_shares(labels.slice(0, 0, size), options.clusters),
                  cluster_shares(labels.slice(0, size), options.clusters));
    sum.precision =
        run == 0 ? curve.precision : sum.precision + curve.precision;
    sum.recall = run == 0 ? curve.recall : sum.recall + curve.recall;
  }
  const auto runs = static_cast<double>(options.runs);
  const PrdCurve mean{sum.precision / runs, sum.recall / runs};
  return {largest_f_beta(mean, 1 / kBeta), largest_f_beta(mean, kBeta)};
}

}  // namespace shalab
