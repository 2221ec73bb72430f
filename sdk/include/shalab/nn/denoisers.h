#pragma once
// Networks of a diffusion over latents: (z_t, t, condition) -> [B, D].

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "shalab/nn/layers.h"

namespace shalab::nn {

// cos and sin of t f_k, f_k = 10000^{-k/128}, k = 0..127, then Linear, SiLU,
// Linear to `width` (DiT); weights start with standard deviation 0.02.
class TimeEmbedding : public torch::nn::Module {
 public:
  explicit TimeEmbedding(std::int64_t width);
  ~TimeEmbedding() override;

  // time float [B] (or [1] for one time), as an index 0..T-1 that may lie
  // between two -> [B, width].
  at::Tensor forward(const at::Tensor& time);

 private:
  at::Tensor frequencies_;
  nn::Linear first_{nullptr}, second_{nullptr};
};

struct DenoiserOptions {
  std::int64_t latent = 0;   // D
  std::int64_t width = 512;  // W: of the residual stream and the condition
  std::int64_t blocks = 4;
  std::int64_t expansion = 2;  // hidden width of a block = expansion x width
  std::int64_t heads = 8;      // transformer: divides width
  std::int64_t tokens = 16;    // transformer: divides latent
};

// What both networks share: every block reads its shift, scale and gate from
// one Linear over SiLU(time + condition), computed once for all blocks. That
// Linear and the output layer start at zero, so a new network gives zero for
// any input (adaLN-Zero, Peebles and Xie 2023); other weights start
// Xavier-uniform, biases at zero.
class Denoiser : public torch::nn::Module {
 public:
  ~Denoiser() override;

  // z [B, D] at time [B] or [1] under condition [B, W] or [1, W] -> [B, D] in
  // float32.
  // What the output means (noise, velocity) is the caller's choice. Gradient:
  // to the parameters, z and condition.
  virtual at::Tensor forward(const at::Tensor& z, const at::Tensor& time,
                             const at::Tensor& condition) = 0;
};

//   x <- x + gate * Linear(SiLU(Linear(LayerNorm(x) (1 + scale) + shift)))
std::shared_ptr<Denoiser> make_mlp_denoiser(const DenoiserOptions& options);

// z cut into `tokens` pieces of D / tokens, a learned position each; blocks of
// self-attention and a tanh-GELU layer, each modulated and gated.
// Error(usage) when heads do not divide width, or tokens the latent.
std::shared_ptr<Denoiser> make_transformer_denoiser(
    const DenoiserOptions& options);

}  // namespace shalab::nn
