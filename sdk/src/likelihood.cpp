#include "shalab/likelihood.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <numbers>

#include "fused_likelihood.h"
#include "precision.h"
#include "shalab/error.h"

namespace shalab {

namespace {

std::int64_t event_size(const at::Tensor& parameters, int event_dims) {
  std::int64_t size = 1;
  for (int d = 1; d <= event_dims; ++d) size *= parameters.size(-d);
  return size;
}

// log p of an event: factor times its unit density, less shift.
struct Affine {
  double factor;
  double shift;
};

Affine affine_of(Likelihood::Family family, double scale, std::int64_t size) {
  const auto count = static_cast<double>(size);
  switch (family) {
    case Likelihood::Family::laplace:
      return {1 / scale, count * std::log(2 * scale)};
    case Likelihood::Family::normal:
      return {1 / (scale * scale),
              count * (std::log(scale) + 0.5 * std::log(2 * std::numbers::pi))};
    default:
      return {1.0, 0.0};
  }
}

at::Tensor categorical_log_prob(const at::Tensor& logits, const at::Tensor& x) {
  const at::Tensor log_probabilities = at::log_softmax(logits, -1);
  const at::Tensor picked = x.expand(logits.sizes().slice(0, logits.dim() - 1));
  return log_probabilities.gather(-1, picked.unsqueeze(-1)).squeeze(-1).sum(-1);
}

}  // namespace

Likelihood::Likelihood(Family family, at::Tensor parameters, double scale,
                       int event_dims)
    : family_(family),
      parameters_(at_least_fp32(parameters)),
      scale_(scale),
      event_dims_(event_dims) {
  SHALAB_CHECK(scale > 0, "likelihood scale " + std::to_string(scale));
  SHALAB_CHECK(event_dims >= 1 && event_dims <= parameters_.dim(),
               std::to_string(event_dims) + " event dimensions of " +
                   std::to_string(parameters_.dim()));
}

Likelihood Likelihood::normal(at::Tensor mean, double scale, int event_dims) {
  return {Family::normal, std::move(mean), scale, event_dims};
}

Likelihood Likelihood::laplace(at::Tensor mean, double scale, int event_dims) {
  return {Family::laplace, std::move(mean), scale, event_dims};
}

Likelihood Likelihood::bernoulli(at::Tensor logits, int event_dims) {
  return {Family::bernoulli, std::move(logits), 1.0, event_dims};
}

Likelihood Likelihood::categorical(at::Tensor logits) {
  return {Family::categorical, std::move(logits), 1.0, 2};
}

Likelihood Likelihood::of(const std::string& family, at::Tensor parameters,
                          double scale, int event_dims) {
  if (family == "normal") {
    return normal(std::move(parameters), scale, event_dims);
  }
  if (family == "laplace") {
    return laplace(std::move(parameters), scale, event_dims);
  }
  if (family == "bernoulli") {
    return bernoulli(std::move(parameters), event_dims);
  }
  throw Error(ErrorKind::usage, "no likelihood '" + family + "'",
              "one of normal, laplace, bernoulli");
}

at::Tensor Likelihood::log_prob(const at::Tensor& x) const {
  if (family_ == Family::categorical) {
    return categorical_log_prob(parameters_, x);
  }
  const Affine affine =
      affine_of(family_, scale_, event_size(parameters_, event_dims_));
  return event_log_density(family_, parameters_, at_least_fp32(x), event_dims_,
                           affine.factor, affine.shift);
}

at::Tensor Likelihood::mean() const {
  switch (family_) {
    case Family::bernoulli:
      return at::sigmoid(parameters_);
    case Family::categorical:
      return at::softmax(parameters_, -1);
    default:
      return parameters_;
  }
}

at::Tensor Likelihood::mode() const {
  return family_ == Family::categorical ? parameters_.argmax(-1) : mean();
}

at::Tensor Likelihood::sample(
    const std::optional<at::Generator>& generator) const {
  const at::NoGradGuard no_grad;
  const auto exponential = [&] {
    return at::empty_like(parameters_).exponential_(1.0, generator);
  };
  switch (family_) {
    case Family::normal:
      return parameters_ +
             scale_ * at::empty_like(parameters_).normal_(0, 1, generator);
    case Family::laplace: {
      const at::Tensor up = exponential();
      return parameters_ + scale_ * (up - exponential());
    }
    case Family::bernoulli:
      return at::bernoulli(mean(), generator);
    case Family::categorical:
      return (parameters_ - exponential().log()).argmax(-1);
  }
  return parameters_;
}

Likelihood Likelihood::unflatten(std::int64_t k, std::int64_t b) const {
  std::vector<std::int64_t> shape = {k, b};
  for (int d = event_dims_; d >= 1; --d) shape.push_back(parameters_.size(-d));
  return {family_, parameters_.reshape(shape), scale_, event_dims_};
}

}  // namespace shalab
