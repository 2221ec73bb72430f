#pragma once
// The block of the residual networks of Palumbo et al. (2023, MMVAE+), after
// Mescheder et al. (2018, "Which training methods for GANs do actually
// converge?").

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "shalab/nn/layers.h"
#include "shalab/nn/residual.h"

namespace shalab::nn {

// 3 x 3, of the size that it is given.
Conv2d conv3(std::int64_t in, std::int64_t out);

// y = shortcut(x) + 0.1 conv(act(conv(act(x)))), act a leaky ReLU of slope 0.2,
// convolutions 3 x 3 of min(in, out) and `out` channels; the shortcut is x, or
// a convolution 1 x 1 without bias where the channels change. Pictures
// [B, in, H, W] go in together with their activation, which the block before
// has written. Parameters: first, second, shortcut.
//
// A block that starts with an upsampling takes pictures of half its size: the
// activation and the shortcut are computed before it, which is the same, and
// the first convolution by Conv2d::forward_upsampled.
class ResidualBlockImpl : public torch::nn::Module {
 public:
  enum class Input { as_given, upsampled };

  ResidualBlockImpl(std::int64_t in, std::int64_t out,
                    Input input = Input::as_given);

  // For the first of several blocks.
  static LeakyResidual activated(const at::Tensor& x);

  // y and its activation: what a next block takes. pooled: of y's mean over
  // 3 x 3 places with stride 2.
  LeakyResidual forward(const LeakyResidual& x);
  LeakyResidual forward_pooled(const LeakyResidual& x);

  // The last block's result where it is read as it is, and where only its
  // activation is read.
  at::Tensor sum(const LeakyResidual& x);
  at::Tensor activation(const LeakyResidual& x);

  // See in_layout_of.
  const at::Tensor& layout() const { return first_->weight; }

 private:
  Resample before() const;
  at::Tensor shortcut(const at::Tensor& x);
  at::Tensor change(const at::Tensor& activated);

  Input input_;
  Conv2d first_;
  Conv2d second_;
  Conv2d shortcut_{nullptr};
};
TORCH_MODULE(ResidualBlock);

}  // namespace shalab::nn
