#include "shalab/nn/mlp.h"

#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>

#include "shalab/error.h"

namespace shalab {

MlpImpl::MlpImpl(const std::vector<std::int64_t>& widths,
                 const std::string& activation)
    : is_silu_(activation == "silu") {
  SHALAB_CHECK(widths.size() >= 2, "an MLP needs at least two widths");
  SHALAB_CHECK(is_silu_ || activation == "relu",
               "activation '" + activation + "'");
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    layers_.push_back(register_module(std::to_string(i),
                                      nn::Linear(widths[i], widths[i + 1])));
  }
}

MlpImpl::~MlpImpl() = default;

at::Tensor MlpImpl::forward(at::Tensor x) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) x = is_silu_ ? at::silu(x) : at::relu(x);
    x = layers_[i]->forward(x);
  }
  return x;
}

std::vector<std::int64_t> mlp_widths(std::int64_t in, std::int64_t hidden,
                                     std::int64_t out, std::int64_t layers) {
  SHALAB_CHECK(layers >= 1, std::to_string(layers) + " layers");
  std::vector<std::int64_t> widths(static_cast<std::size_t>(layers) + 1,
                                   hidden);
  widths.front() = in;
  widths.back() = out;
  return widths;
}

void declare_activation_field(FieldList& fields, const std::string& value) {
  fields.choice("activation", value, {"silu", "relu"},
                "nonlinearity between the linear layers");
}

}  // namespace shalab
