#include "shalab/nn/layout.h"

#include <torch/csrc/autograd/custom_function.h>

namespace shalab::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class Flattened : public torch::autograd::Function<Flattened> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& maps) {
    context->saved_data["sizes"] = maps.sizes().vec();
    return maps.flatten(1);
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    return {gradients[0]
                .reshape(context->saved_data["sizes"].toIntVector())
                .contiguous(at::MemoryFormat::ChannelsLast)};
  }
};

}  // namespace

at::Tensor flattened(const at::Tensor& maps) {
  const bool is_copied = maps.dim() == 4 && !maps.is_contiguous() &&
                         maps.is_contiguous(at::MemoryFormat::ChannelsLast);
  return is_copied ? Flattened::apply(maps) : maps.flatten(1);
}

}  // namespace shalab::nn
