#pragma once
// p(x | z): what a decoder returns.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace shalab {

// A factorised likelihood over the event dimensions of one modality, with any
// leading dimensions L (usually [N] or [K, B]). A value type; cheap to copy.
// Families: normal and laplace (mean, one scale), bernoulli (logits),
// categorical (logits over the last dimension, V classes at each position).
class Likelihood {
 public:
  enum class Family { normal, laplace, bernoulli, categorical };

  // mean [L..., event...]; scale > 0 is the standard deviation (normal) or b
  // (laplace, log p = -|x - mean| / b - log 2b). event_dims counts the last
  // dimensions that belong to one x.
  static Likelihood normal(at::Tensor mean, double scale, int event_dims);
  static Likelihood laplace(at::Tensor mean, double scale, int event_dims);
  static Likelihood bernoulli(at::Tensor logits, int event_dims);
  // logits [L..., T, V], unnormalised.
  static Likelihood categorical(at::Tensor logits);
  // "normal", "laplace" or "bernoulli" from one parameter tensor, in fp32.
  static Likelihood of(const std::string& family, at::Tensor parameters,
                       double scale, int event_dims);

  // log p(x) in nats, summed over the event: [L...], broadcasting x
  // [B, event...] against leading dimensions [K, B]. Categorical: x int64
  // [B, T]. Computed in fp32. Gradient: to the parameters.
  at::Tensor log_prob(const at::Tensor& x) const;

  // E[x]: the mean; probabilities for bernoulli; for categorical the
  // probabilities [L..., T, V].
  at::Tensor mean() const;
  // What is shown and judged: the mean, or the most probable tokens (int64
  // [L..., T]). Images are not clamped here.
  at::Tensor mode() const;
  // One draw per leading index. Gradient: none.
  at::Tensor sample(const std::optional<at::Generator>& generator) const;

  Family family() const { return family_; }
  const at::Tensor& parameters() const { return parameters_; }
  double scale() const { return scale_; }
  // The same with leading dimensions reshaped: [K*B, ...] to [K, B, ...].
  Likelihood unflatten(std::int64_t k, std::int64_t b) const;

 private:
  Likelihood(Family family, at::Tensor parameters, double scale,
             int event_dims);
  Family family_;
  at::Tensor parameters_;
  double scale_ = 1.0;
  int event_dims_ = 1;
};

}  // namespace shalab
