#include "model/gradient_exchange.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "shalab/error.h"

namespace shalab {

namespace {

std::int64_t total_numel(const std::vector<at::Tensor>& tensors) {
  std::int64_t count = 0;
  for (const auto& tensor : tensors) count += tensor.numel();
  return count;
}

// Parts of `flat` from `first` on, each with the strides of its model.
std::vector<at::Tensor> views_like(const std::vector<at::Tensor>& models,
                                   const at::Tensor& flat, std::int64_t first) {
  std::vector<at::Tensor> views;
  for (const auto& model : models) {
    views.push_back(
        model.is_non_overlapping_and_dense()
            ? flat.as_strided(model.sizes(), model.strides(), first)
            : flat.narrow(0, first, model.numel()).view(model.sizes()));
    first += model.numel();
  }
  return views;
}

}  // namespace

GradientExchange::GradientExchange(Collective& collective,
                                   const std::vector<at::Tensor>& parameters,
                                   const std::vector<at::Tensor>& buffers)
    : collective_(collective) {
  for (const auto& parameter : parameters) {
    if (!parameter.requires_grad()) continue;
    SHALAB_CHECK(parameter.scalar_type() == at::kFloat,
                 "a trained parameter is not float32");
    parameters_.push_back(parameter);
  }
  for (const auto& buffer : buffers) {
    if (buffer.defined() && buffer.scalar_type() == at::kFloat) {
      buffers_.push_back(buffer);
    }
  }
  num_gradients_ = total_numel(parameters_);
}

void GradientExchange::make_room(std::size_t num_terms) {
  const auto count = static_cast<std::int64_t>(num_terms);
  if (flat_.defined()) {
    SHALAB_CHECK(terms_.numel() == count, "terms come and go between steps");
    return;
  }
  const auto num_buffers = total_numel(buffers_);
  flat_ = at::zeros({num_gradients_ + num_buffers + count},
                    parameters_.front().options().requires_grad(false));
  gradient_views_ = views_like(parameters_, flat_, 0);
  buffer_views_ = views_like(buffers_, flat_, num_gradients_);
  terms_ = flat_.narrow(0, num_gradients_ + num_buffers, count);
}

std::vector<at::Tensor> GradientExchange::gradients() const {
  std::vector<at::Tensor> result;
  for (const auto& parameter : parameters_) {
    const auto& gradient = parameter.grad();
    result.push_back(gradient.defined() ? gradient : at::zeros_like(parameter));
  }
  return result;
}

void GradientExchange::average(Terms& terms) {
  if (parameters_.empty()) return;
  const at::NoGradGuard no_grad;
  make_room(1 + terms.named.size());
  at::_foreach_copy_(gradient_views_, gradients());
  if (!buffers_.empty()) {
    collective_.is_lead() ? at::_foreach_copy_(buffer_views_, buffers_)
                          : at::_foreach_zero_(buffer_views_);
  }
  std::vector<at::Tensor> values{terms.loss.detach().to(at::kFloat)};
  for (const auto& term : terms.named) {
    values.push_back(term.second.detach().to(at::kFloat));
  }
  terms_.copy_(at::stack(values));
  collective_.sum(flat_);
  const auto count = static_cast<double>(collective_.size());
  flat_.narrow(0, 0, num_gradients_).div_(count);
  terms_.div_(count);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].mutable_grad() = gradient_views_[i];
  }
  if (!buffers_.empty()) at::_foreach_copy_(buffers_, buffer_views_);
  terms.loss = terms_[0];
  for (std::size_t i = 0; i < terms.named.size(); ++i) {
    terms.named[i].second = terms_[static_cast<std::int64_t>(i) + 1];
  }
}

}  // namespace shalab
