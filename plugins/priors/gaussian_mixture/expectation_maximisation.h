#pragma once
// Maximum likelihood for a mixture of Gaussians.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "mixture.h"

namespace shalab::gaussian_mixture {

struct Options {
  std::int64_t components = 40;
  bool is_full = true;
  std::int64_t iterations = 100;
  double tolerance = 1e-3;
  double regularisation = 1e-4;
  bool standardises = true;
  std::int64_t max_samples = 30000;
};

struct Sums;

// EM on samples y [N, D], N >= K. A component that answers for less than one
// sample starts anew at a random one with the covariance of all. Randomness:
// `generator`, which must outlive this. Error(run) for a covariance that no
// regularisation makes positive definite.
class ExpectationMaximisation {
 public:
  ExpectationMaximisation(const Options& options, at::Tensor y,
                          at::Generator& generator);

  // k-means++ centers, a few Lloyd steps, then the Gaussian of each cluster.
  Mixture start();
  // One iteration: the improved mixture, and the mean log-likelihood of y
  // under the one given, in nats.
  std::pair<Mixture, double> improved(const Mixture& mixture);

 private:
  template <typename Visit>
  void for_rows(const Visit& visit) const;
  at::Tensor membership(const at::Tensor& label) const;
  at::Tensor spread_out_centers();
  at::Tensor random_samples(std::int64_t n);
  Mixture maximised(const Sums& sums);
  at::Tensor scale_of(const at::Tensor& covariance, const at::Tensor& ridge);

  Options options_;
  at::Tensor y_;       // [N, D]
  at::Tensor spread_;  // of all samples: [D, D] or [D]
  at::Generator& generator_;
};

}  // namespace shalab::gaussian_mixture
