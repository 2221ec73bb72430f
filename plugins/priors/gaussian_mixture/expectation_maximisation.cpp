#include "expectation_maximisation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "shalab/error.h"

namespace shalab::gaussian_mixture {
namespace {

constexpr int kLloydSteps = 5;
constexpr int kLargestRepair = 6;    // regularisation times 10^6 at most
constexpr double kEmptyBelow = 1.0;  // samples a component answers for

// Samples to components, [N]: by the nearest of `centers` [K, D].
at::Tensor nearest(const at::Tensor& y, const at::Tensor& centers) {
  const auto scores =
      centers.square().sum(1) - 2.0 * at::matmul(y, centers.t());
  return scores.argmin(1);
}

}  // namespace

// Sums over samples that the M step needs.
struct Sums {
  at::Tensor count;   // [K]
  at::Tensor first;   // [K, D]
  at::Tensor second;  // [K, D, D] or [K, D]
  at::Tensor log_likelihood;

  void add(const at::Tensor& y, const at::Tensor& responsibility,
           bool is_full) {
    const auto k = responsibility.size(1), d = y.size(1);
    const auto part =
        is_full ? at::matmul((responsibility.unsqueeze(2) * y.unsqueeze(1))
                                 .view({y.size(0), k * d})
                                 .t(),
                             y)
                      .view({k, d, d})
                : at::matmul(responsibility.t(), y.square());
    accumulate(count, responsibility.sum(0));
    accumulate(first, at::matmul(responsibility.t(), y));
    accumulate(second, part);
  }
  static void accumulate(at::Tensor& sum, const at::Tensor& part) {
    sum = sum.defined() ? sum + part : part;
  }
};

ExpectationMaximisation::ExpectationMaximisation(const Options& options,
                                                 at::Tensor y,
                                                 at::Generator& generator)
    : options_(options), y_(std::move(y)), generator_(generator) {
  const auto centered = y_ - y_.mean(0);
  const double n = double(y_.size(0));
  spread_ = options_.is_full ? at::matmul(centered.t(), centered) / n
                             : centered.square().mean(0);
}

template <typename Visit>
void ExpectationMaximisation::for_rows(const Visit& visit) const {
  for (std::int64_t first = 0; first < y_.size(0); first += kRowsAtOnce) {
    const auto count = std::min(kRowsAtOnce, y_.size(0) - first);
    visit(y_.narrow(0, first, count), first);
  }
}

at::Tensor ExpectationMaximisation::membership(const at::Tensor& label) const {
  return at::one_hot(label, options_.components).to(at::kDouble);
}

// k-means++: each next center is a sample drawn in proportion to its squared
// distance from the nearest center so far.
at::Tensor ExpectationMaximisation::spread_out_centers() {
  std::vector<at::Tensor> centers{random_samples(1)[0]};
  auto distance = (y_ - centers[0]).square().sum(1);
  while (std::int64_t(centers.size()) < options_.components) {
    const auto chances = distance + std::numeric_limits<double>::min();
    const auto pick = at::multinomial(chances, 1, false, generator_);
    centers.push_back(y_.index_select(0, pick)[0]);
    distance = at::minimum(distance, (y_ - centers.back()).square().sum(1));
  }
  return at::stack(centers);
}

at::Tensor ExpectationMaximisation::random_samples(std::int64_t n) {
  const auto index = at::randint(0, y_.size(0), {n}, generator_,
                                 y_.options().dtype(at::kLong));
  return y_.index_select(0, index);
}

at::Tensor ExpectationMaximisation::scale_of(const at::Tensor& covariance,
                                             const at::Tensor& ridge) {
  if (!options_.is_full) {
    return (covariance + ridge * options_.regularisation).sqrt();
  }
  double strength = options_.regularisation;
  for (int i = 0; i <= kLargestRepair; ++i, strength *= 10.0) {
    const auto [factor, info] =
        at::linalg_cholesky_ex(covariance + ridge * strength);
    if (!info.any().item<bool>()) return factor;
  }
  throw Error(ErrorKind::run,
              "gaussian_mixture: a covariance is not positive definite, "
              "even with " +
                  std::to_string(strength) + " on its diagonal",
              "raise regularisation, or take fewer components or "
              "covariance = diagonal");
}

Mixture ExpectationMaximisation::maximised(const Sums& sums) {
  const auto count = sums.count.clamp_min(kEmptyBelow).unsqueeze(1);
  auto mean = sums.first / count;
  auto covariance = options_.is_full
                        ? sums.second / count.unsqueeze(2) -
                              mean.unsqueeze(2) * mean.unsqueeze(1)
                        : (sums.second / count - mean.square()).clamp_min(0.0);
  const auto is_empty = sums.count < kEmptyBelow;
  const auto d = mean.size(1);
  mean = at::where(is_empty.unsqueeze(1), random_samples(options_.components),
                   mean);
  const auto empty_shape =
      is_empty.view(options_.is_full ? std::vector<std::int64_t>{-1, 1, 1}
                                     : std::vector<std::int64_t>{-1, 1});
  covariance = at::where(empty_shape, spread_, covariance);
  const auto ridge =
      options_.is_full ? at::eye(d, y_.options()) : at::ones({d}, y_.options());
  const auto weights = sums.count.clamp_min(kEmptyBelow);
  return {weights / weights.sum(), mean, scale_of(covariance, ridge)};
}

Mixture ExpectationMaximisation::start() {
  at::Tensor centers = spread_out_centers();
  at::Tensor label = nearest(y_, centers);
  for (int i = 0; i < kLloydSteps; ++i) {
    const auto one_hot = membership(label);
    const auto count = one_hot.sum(0).unsqueeze(1);
    const auto mean = at::matmul(one_hot.t(), y_) / count.clamp_min(1.0);
    centers = at::where(count > 0.5, mean, centers);
    label = nearest(y_, centers);
  }
  Sums sums;
  for_rows([&](const at::Tensor& y, std::int64_t first) {
    sums.add(y, membership(label.narrow(0, first, y.size(0))),
             options_.is_full);
  });
  return maximised(sums);
}

std::pair<Mixture, double> ExpectationMaximisation::improved(
    const Mixture& mixture) {
  const ComponentDensity density(mixture);
  Sums sums;
  for_rows([&](const at::Tensor& y, std::int64_t) {
    const auto joint = density(y);
    const auto log_prob = at::logsumexp(joint, 1, /*keepdim=*/true);
    sums.add(y, (joint - log_prob).exp(), options_.is_full);
    Sums::accumulate(sums.log_likelihood, log_prob.sum());
  });
  const double mean = sums.log_likelihood.item<double>() / double(y_.size(0));
  return {maximised(sums), mean};
}

}  // namespace shalab::gaussian_mixture
