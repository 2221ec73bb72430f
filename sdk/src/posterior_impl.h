#pragma once
// What a Posterior holds.

#include <ATen/core/Tensor.h>

#include "shalab/posterior.h"

namespace shalab {

// `spread` is log_var (normal), scale (laplace), undefined (dirac). A mixture
// holds both stacked, [C, B, D], and the family of its components in `simple`.
struct Posterior::Impl {
  Family family = Family::normal;
  Family simple = Family::normal;
  at::Tensor location;
  at::Tensor spread;
  at::Tensor log_weights;  // [C, B], mixtures only
  Choice choice = Choice::stratified;
};

// Densities and draws of the simple families.
// log q_c(z), [..., C, B], of components [C, B, D] at z [..., B, D]; one of
// the two B may be 1. Error(run) for a dirac.
at::Tensor component_log_prob(Posterior::Family family,
                              const at::Tensor& location,
                              const at::Tensor& spread, const at::Tensor& z);
// A reparameterised draw [K, B, D]; parameters broadcast to `shape`.
at::Tensor simple_rsample(Posterior::Family family, const at::Tensor& location,
                          const at::Tensor& spread, at::IntArrayRef shape,
                          const std::optional<at::Generator>& generator);
at::Tensor simple_variance(Posterior::Family family, const at::Tensor& location,
                           const at::Tensor& spread);
// Component of each draw, int64 [K, B]: row k sends the samples through the
// inverse CDF of their weights, stratified at evenly spaced points in random
// order, independent at uniform ones.
at::Tensor chosen_components(const at::Tensor& log_weights,
                             std::int64_t num_samples, Posterior::Choice choice,
                             const std::optional<at::Generator>& generator);

}  // namespace shalab
