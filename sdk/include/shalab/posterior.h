#pragma once
// q(z | x_S): what a fusion returns.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

namespace shalab {

// A distribution over the shared latent for each of B samples. A value type;
// cheap to copy. Families: normal (diagonal), laplace (factorised), dirac, and
// a mixture of C components with weights that may differ by sample.
class Posterior {
 public:
  enum class Family { normal, laplace, dirac, mixture };

  // mean, log_var [B, D]; log_var is the natural logarithm of the variance.
  static Posterior normal(at::Tensor mean, at::Tensor log_var);
  // location, scale > 0, [B, D]; the mean absolute deviation is `scale`.
  static Posterior laplace(at::Tensor location, at::Tensor scale);
  static Posterior dirac(at::Tensor value);
  // log_weights [C, B] (normalised over C; -inf removes a component from a
  // sample), components of one simple family and one shape [B, D].
  static Posterior mixture(at::Tensor log_weights,
                           std::vector<Posterior> components);

  // K reparameterised draws [K, B, D]. Gradient: to the parameters. A mixture
  // draws stratified: the B samples are split over the components in
  // proportion to their weights by a random permutation of strata
  // (MoPoE's batch partition, Sutter et al. 2021), and no gradient flows to
  // the weights.
  at::Tensor rsample(std::int64_t num_samples,
                     const std::optional<at::Generator>& generator) const;
  // log q(z) in nats, summed over D: [..., B] for z [..., B, D]. A dirac has
  // none: Error(run).
  at::Tensor log_prob(const at::Tensor& z) const;
  // KL(this || other) in nats, [B]; closed form for normal-normal and
  // laplace-laplace; nothing where there is none.
  std::optional<at::Tensor> kl_to(const Posterior& other) const;

  at::Tensor mean() const;      // [B, D]
  at::Tensor variance() const;  // [B, D]; zero for a dirac
  Family family() const;
  // One for a simple posterior; the C components of a mixture.
  std::vector<Posterior> components() const;
  // [C, B], aligned with components(); zeros [1, B] for a simple posterior.
  at::Tensor log_weights() const;
  // Parameters cut off from the graph (DReG, Tucker et al. 2019).
  Posterior detached() const;
  // Normal only (failed check otherwise).
  const at::Tensor& log_var() const;

  struct Impl;

 private:
  explicit Posterior(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace shalab
