#include <ATen/ops/add.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/flip.h>
#include <torch/csrc/autograd/custom_function.h>

#include "transposed_forms.h"

namespace shalab::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// x[i] + x[i + 1] along the rows and along the columns.
at::Tensor neighbours_added(const at::Tensor& x) {
  const std::int64_t k = x.size(2) - 1;
  const at::Tensor rows = at::add(x.narrow(2, 0, k), x.narrow(2, 1, k));
  return at::add(rows.narrow(3, 0, k), rows.narrow(3, 1, k));
}

// A place of the result reads x through the weights of all places that lie on
// the same place of x: w2, w1 + w2, w0 + w1, w0 along each axis. The gradient
// adds the same neighbours the other way round.
class UpsamplingKernel : public torch::autograd::Function<UpsamplingKernel> {
 public:
  static at::Tensor forward(AutogradContext*, const at::Tensor& weight) {
    return at::flip(neighbours_added(at::constant_pad_nd(weight, {1, 1, 1, 1}))
                        .transpose(0, 1),
                    {2, 3});
  }

  static variable_list backward(AutogradContext*,
                                const variable_list& gradients) {
    return {at::flip(neighbours_added(gradients[0]), {2, 3}).transpose(0, 1)};
  }
};

}  // namespace

at::Tensor upsampling_kernel(const at::Tensor& weight) {
  return UpsamplingKernel::apply(weight);
}

}  // namespace shalab::nn
