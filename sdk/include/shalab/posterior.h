#pragma once
// q(z | x_S): what a fusion returns.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <functional>
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
  // How a mixture's draws choose components: `stratified` splits the B samples
  // over the components in proportion to their weights by a random permutation
  // of strata (MoPoE's batch partition, Sutter et al. 2021); `independent`
  // chooses for each sample alone. Each sample's marginal is the same.
  enum class Choice { stratified, independent };

  // mean, log_var [B, D]; log_var is the natural logarithm of the variance.
  static Posterior normal(at::Tensor mean, at::Tensor log_var);
  // location, scale > 0, [B, D]; the mean absolute deviation is `scale`.
  static Posterior laplace(at::Tensor location, at::Tensor scale);
  static Posterior dirac(at::Tensor value);
  // log_weights [C, B] (normalised over C; -inf removes a component from a
  // sample), components of one simple family and one shape [B, D].
  static Posterior mixture(at::Tensor log_weights,
                           std::vector<Posterior> components,
                           Choice choice = Choice::stratified);
  // The same from a simple posterior of C * B rows, row c * B + b being
  // component c of sample b: the inverse of rows().
  static Posterior mixture_of_rows(at::Tensor log_weights,
                                   const Posterior& rows,
                                   Choice choice = Choice::stratified);

  // K reparameterised draws [K, B, D]. Gradient: to the parameters, never to
  // the weights of a mixture.
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
  // All components as one simple posterior of C * B rows, [C * B, D].
  Posterior rows() const;
  // Of each sample the component of the largest weight, as a simple posterior:
  // the unimodal posterior where a mixture was fused from one modality.
  Posterior heaviest() const;
  // The B samples `times` over: row t * B + b is row b.
  Posterior repeated(std::int64_t times) const;
  // Parameters cut off from the graph (DReG, Tucker et al. 2019).
  Posterior detached() const;
  // Normal only (failed check otherwise).
  const at::Tensor& log_var() const;

  struct Impl;

 private:
  using TensorMap = std::function<at::Tensor(const at::Tensor&)>;
  explicit Posterior(std::shared_ptr<const Impl> impl);
  Posterior mapped(const TensorMap& of_parameters,
                   const TensorMap& of_weights) const;
  static std::vector<Posterior> components_of(const Impl& impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace shalab
