#pragma once
// MLD's network: a residual MLP in the shape of a U-Net, told one time per
// modality.

#include <torch/nn/module.h>
#include <torch/nn/modules/normalization.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "shalab/nn/layers.h"

namespace shalab::masked_diffusion {

struct NetworkOptions {
  std::int64_t latent = 0;      // D
  std::int64_t modalities = 0;  // M
  std::int64_t width = 512;     // W
  std::int64_t time_width = 256;
  std::int64_t groups = 8;  // divides W
};

// h = L1(x) + Linear(SiLU(time)),  x -> L2(h) + x, where L is GroupNorm, SiLU,
// Linear; the second x passes a Linear where the widths differ.
class Block : public torch::nn::Module {
 public:
  Block(std::int64_t in, std::int64_t out, const NetworkOptions& options);

  at::Tensor forward(const at::Tensor& x, const at::Tensor& time);

 private:
  torch::nn::GroupNorm norm1_, norm2_;
  nn::Linear linear1_, linear2_, time_;
  nn::Linear shortcut_{nullptr};
};

//   y -> r = Linear(y)                     time = Linear(GELU(Linear(tau)))
//   two times down: a Block, kept for the way up; a Linear
//   two Blocks
//   two times up: a Block on (x, kept); a Linear
//   a Block on (x, r), then GroupNorm, SiLU, Linear
// All widths are W. The last Linear starts at zero: a new network gives zero.
class UNet : public torch::nn::Module {
 public:
  explicit UNet(const NetworkOptions& options);

  // y [B, D], tau [B, M] in [0, 1] (zero = this slot is clean) -> the noise in
  // y, [B, D] in float32.
  at::Tensor forward(const at::Tensor& y, const at::Tensor& tau);

 private:
  struct Level {
    std::shared_ptr<Block> block;
    nn::Linear linear;
  };

  Level make_level(const std::string& name, std::int64_t in,
                   const NetworkOptions& options);

  nn::Linear input_, time1_, time2_;
  std::vector<Level> down_, up_;
  std::vector<std::shared_ptr<Block>> middle_;
  std::shared_ptr<Block> last_;
  torch::nn::GroupNorm norm_;
  nn::Linear output_;
};

}  // namespace shalab::masked_diffusion
