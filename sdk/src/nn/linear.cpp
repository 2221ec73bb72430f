#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "shalab/nn/layers.h"

namespace shalab::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kLeastProduct = 1 << 22;  // multiplications

using Pointwise = at::Tensor(const at::Tensor&, const at::Tensor&,
                             const std::optional<at::Tensor>&, std::string_view,
                             c10::List<std::optional<at::Scalar>>,
                             std::optional<std::string_view>);

const std::optional<c10::TypedOperatorHandle<Pointwise>>& onednn_product() {
  static const auto handle =
      []() -> std::optional<c10::TypedOperatorHandle<Pointwise>> {
    const auto schema = c10::Dispatcher::singleton().findSchema(
        {"mkldnn::_linear_pointwise", ""});
    if (!schema || !at::hasMKLDNN()) return std::nullopt;
    return schema->typed<Pointwise>();
  }();
  return handle;
}

c10::List<std::optional<at::Scalar>> no_scalars() {
  return c10::List<std::optional<at::Scalar>>();
}

// x [N, K] w^T + bias, w [M, K].
at::Tensor product(const at::Tensor& x, const at::Tensor& w,
                   const std::optional<at::Tensor>& bias) {
  return onednn_product()->call(x, w, bias, "none", no_scalars(), "");
}

class LinearProduct : public torch::autograd::Function<LinearProduct> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return product(x, weight, bias);
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &g = gradients[0];
    variable_list result(3);
    if (context->needs_input_grad(0)) {
      result[0] = at::GradMode::is_enabled() ? g.mm(weight)
                                             : product(g, weight.t(), {});
    }
    if (context->needs_input_grad(1)) result[1] = g.t().mm(x);
    const bool has_bias = context->saved_data["has_bias"].toBool();
    if (has_bias && context->needs_input_grad(2)) result[2] = g.sum(0);
    return result;
  }
};

bool takes_onednn(const at::Tensor& x, const at::Tensor& weight) {
  return x.is_cpu() && x.scalar_type() == at::kFloat &&
         weight.scalar_type() == at::kFloat && x.dim() >= 2 &&
         x.numel() * weight.size(0) >= kLeastProduct &&
         !at::autocast::is_autocast_enabled(at::kCPU) &&
         at::globalContext().userEnabledMkldnn() && onednn_product();
}

}  // namespace

at::Tensor LinearImpl::forward(const at::Tensor& x) {
  if (!takes_onednn(x, weight)) {
    return at::linear(x, weight_shadow_.of(weight), bias_shadow_.of(bias));
  }
  const auto own_bias = bias.defined() ? std::optional(bias) : std::nullopt;
  if (x.dim() == 2) return LinearProduct::apply(x, weight, own_bias);
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return LinearProduct::apply(x.reshape({-1, weight.size(1)}), weight, own_bias)
      .view(shape);
}

}  // namespace shalab::nn
