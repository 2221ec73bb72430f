#pragma once
// An affine coupling of a RealNVP flow (Dinh et al. 2017).

#include <torch/nn/module.h>

#include <cstdint>
#include <utility>

#include "shalab/nn/mlp.h"

namespace shalab::flow {

// With b the 0/1 mask of the coordinates that pass unchanged:
//   u = b y + (1 - b) (y e^s + t),   (s, t) = MLP(b y)
//   log |du/dy| = sum over (1 - b) s
// s = 2 tanh(raw / 2), so a coupling scales by e^-2 to e^2. A new coupling is
// the identity.
class Coupling : public torch::nn::Module {
 public:
  // mask [D] is kept as a buffer: a checkpoint carries it.
  Coupling(const at::Tensor& mask, std::int64_t hidden, std::int64_t layers);

  // y [N, D] -> u [N, D] and log |du/dy| [N]. Gradient: to both.
  std::pair<at::Tensor, at::Tensor> forward(const at::Tensor& y);
  // u [N, D] -> y [N, D].
  at::Tensor inverse(const at::Tensor& u);

 private:
  // s and t [N, D], zero where the mask is one.
  std::pair<at::Tensor, at::Tensor> scale_and_shift(const at::Tensor& kept);

  at::Tensor mask_;
  Mlp network_;
};

}  // namespace shalab::flow
