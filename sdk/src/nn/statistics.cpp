#include "shalab/nn/statistics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <string>
#include <tuple>

#include "shalab/error.h"

namespace shalab {
namespace {

void check_columns(const at::Tensor& x, const at::Tensor& mean) {
  SHALAB_CHECK(x.defined() && x.dim() == 2, "expected [B, F]");
  SHALAB_CHECK(!mean.defined() || mean.size(0) == x.size(1),
               std::to_string(x.size(1)) + " columns after " +
                   std::to_string(mean.size(0)));
}

// F with S = F F^T, [F, rank].
at::Tensor factor(const at::Tensor& covariance) {
  auto [values, vectors] = at::linalg_eigh(covariance);  // ascending
  const double largest = std::max(values[-1].item<double>(), 0.0);
  const double rounding = largest * static_cast<double>(values.size(0)) *
                          std::numeric_limits<double>::epsilon();
  const std::int64_t rank = (values > rounding).sum().item<std::int64_t>();
  const std::int64_t first = values.size(0) - rank;
  return vectors.slice(1, first) * values.slice(0, first).sqrt();
}

void require_samples(const FeatureMoments& moments, const char* side) {
  if (moments.count() >= 2) return;
  throw Error(ErrorKind::run,
              std::string("the Fréchet distance has ") +
                  std::to_string(moments.count()) + " " + side +
                  " samples, a covariance needs 2",
              "raise evaluate.max_samples");
}

void require_finite(const at::Tensor& covariance, const char* side) {
  if (at::isfinite(covariance).all().item<bool>()) return;
  throw Error(ErrorKind::run,
              std::string("a feature of the ") + side +
                  " samples is not finite: no Fréchet distance");
}

}  // namespace

void FeatureMoments::add(const at::Tensor& features) {
  check_columns(features, mean_);
  if (features.size(0) == 0) return;
  const at::Tensor x = features.detach().to(at::kDouble);
  FeatureMoments batch;
  batch.count_ = x.size(0);
  batch.mean_ = x.mean(0);
  const at::Tensor centred = x - batch.mean_;
  batch.scatter_ = centred.t().matmul(centred);
  merge(batch);
}

void FeatureMoments::merge(const FeatureMoments& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  SHALAB_CHECK(mean_.size(0) == other.mean_.size(0),
               "moments of different feature sizes");
  const double total = static_cast<double>(count_ + other.count_);
  const double share = static_cast<double>(other.count_) / total;
  const at::Tensor delta = other.mean_ - mean_;
  scatter_ = scatter_ + other.scatter_ +
             at::outer(delta, delta) * (share * static_cast<double>(count_));
  mean_ = mean_ + delta * share;
  count_ += other.count_;
}

at::Tensor FeatureMoments::mean() const {
  SHALAB_CHECK(count_ >= 1, "the mean of nothing");
  return mean_;
}

at::Tensor FeatureMoments::covariance() const {
  SHALAB_CHECK(count_ >= 2, "the covariance of one sample");
  return scatter_ / static_cast<double>(count_ - 1);
}

void ColumnMeans::add(const at::Tensor& values, const at::Tensor& weights) {
  check_columns(values, mean_);
  const at::Tensor x = values.detach().to(at::kDouble);
  const at::Tensor w = weights.defined() ? weights.to(at::kDouble).expand_as(x)
                                         : at::ones_like(x);
  const at::Tensor count = w.sum(0);
  const at::Tensor mean = (w * x).sum(0) / count.clamp_min(1);
  const at::Tensor scatter = (w * (x - mean).square()).sum(0);
  if (empty()) {
    std::tie(count_, mean_, scatter_) = std::tie(count, mean, scatter);
    return;
  }
  const at::Tensor total = count_ + count;
  const at::Tensor share = count / total.clamp_min(1);
  const at::Tensor delta = mean - mean_;
  scatter_ = scatter_ + scatter + delta.square() * count_ * share;
  mean_ = mean_ + delta * share;
  count_ = total;
}

at::Tensor ColumnMeans::counts() const {
  SHALAB_CHECK(!empty(), "nothing was added");
  return count_;
}

at::Tensor ColumnMeans::means() const {
  SHALAB_CHECK(!empty(), "nothing was added");
  return mean_;
}

at::Tensor ColumnMeans::standard_errors() const {
  SHALAB_CHECK(!empty(), "nothing was added");
  return (scatter_ / (count_ - 1).clamp_min(1) / count_.clamp_min(1)).sqrt();
}

std::vector<Estimate> ColumnMeans::estimates() const {
  const at::Tensor table =
      at::stack({means(), standard_errors(), counts()}, 1).cpu().contiguous();
  const double* row = table.const_data_ptr<double>();
  std::vector<Estimate> result;
  for (std::int64_t i = 0; i < table.size(0); ++i, row += 3) {
    result.push_back({row[0], row[1], static_cast<std::int64_t>(row[2])});
  }
  return result;
}

at::Tensor row_means(const at::Tensor& values, const at::Tensor& weights) {
  const at::Tensor w = weights.to(at::kDouble);
  return (values.to(at::kDouble) * w).sum(1, true) /
         w.sum(1, true).clamp_min(1);
}

double frechet_distance(const FeatureMoments& real,
                        const FeatureMoments& generated) {
  require_samples(real, "real");
  require_samples(generated, "generated");
  SHALAB_CHECK(real.mean().size(0) == generated.mean().size(0),
               "features of " + std::to_string(real.mean().size(0)) + " and " +
                   std::to_string(generated.mean().size(0)) + " columns");
  const at::Tensor s1 = real.covariance().cpu();
  const at::Tensor s2 = generated.covariance().cpu();
  require_finite(s1, "real");
  require_finite(s2, "generated");
  const at::Tensor cross = factor(s1).t().matmul(factor(s2));
  const at::Tensor root_trace = cross.numel() > 0
                                    ? at::linalg_svdvals(cross).sum()
                                    : at::zeros({}, s1.options());
  const at::Tensor shift = (real.mean() - generated.mean()).square().sum();
  const double distance =
      (shift.cpu() + s1.trace() + s2.trace() - 2 * root_trace).item<double>();
  return std::max(distance, 0.0);
}

}  // namespace shalab
