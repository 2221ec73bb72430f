#pragma once
// The classifiers behind judges: published ones, one to train, and a lexicon.

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shalab/io/arrays.h"
#include "shalab/judge.h"

namespace shalab {

// An image classifier cut at its last hidden layer, as it is in evaluation
// mode.
class JudgeNetwork : public torch::nn::Module {
 public:
  // x: float [B, C, H, W] in [0, 1]. Result [B, F], after the ReLU. Gradient
  // flows to x and to the parameters.
  virtual at::Tensor features(const at::Tensor& x) = 0;
  // features: [B, F]. Result [B, classes], logits or anything whose largest
  // entry is the class.
  virtual at::Tensor logits(const at::Tensor& features) = 0;

  // From now on dropout acts where the network had it in training, its masks
  // drawn from `generator`; an undefined generator ends that.
  void set_dropout(at::Generator generator) { dropout_ = std::move(generator); }

 protected:
  // x where there is no dropout, else x with half of its entries 0 and the
  // others doubled. whole_channels: of [B, C, H, W], mask by [B, C].
  at::Tensor dropped(const at::Tensor& x, bool whole_channels = false) const;

 private:
  at::Generator dropout_;
};

// The network to train where no published judge exists: three 3x3 convolutions
// of stride 2 (32, 64, 128 channels), a linear layer of 128 features, each with
// a ReLU, and a linear layer of `num_classes` logits. shape: [C, H, W].
// Deterministic: He-normal weights from `seed`, biases zero.
std::shared_ptr<JudgeNetwork> make_conv_judge_network(
    const std::vector<std::int64_t>& shape, std::int64_t num_classes,
    std::uint64_t seed);

// Wraps a network; it is used as it is when judging, so training it further
// makes `digest` stale. Images are judged in blocks, so B may be large; the
// weights follow x to its device. `architecture` is part of the digest.
// With `dropout_seed` dropout stays on (MoPoE and MVTCAE judged so: their
// classifiers were left in training mode; here batch normalisation keeps its
// stored statistics all the same). Masks are a function of the seed and of the
// images of a block, so that equal samples are judged equally whatever came
// before; the digest ends with kLegacyDropout, and does not tell seeds apart.
// [main]
std::shared_ptr<Judge> make_network_judge(
    std::shared_ptr<JudgeNetwork> network, const std::string& architecture,
    std::optional<std::uint64_t> dropout_seed = {});

inline constexpr const char* kLegacyDropout = "+legacy_dropout";

// A published classifier with its published weights, by the names of its
// torch state dict:
//   polymnist_cnn  3x28x28, keys encoder.0/3/7/10; convolutions 3-10-20
//                  (4x4, stride 2, padding 1), linear 980-128-10 (MoPoE)
//   mst_mnist      1x28x28, keys conv1..3, linear; convolutions 1-32-64-128
//                  (4x4, stride 2), linear 128-10; features are the last
//                  convolution's (mmJSD, MoPoE)
//   mst_svhn       3x32x32, keys conv1..4, bn1..4, linear (mmJSD, MoPoE)
//   mst_text       8 tokens of 71 symbols, keys conv1, resblock_1, resblock_4,
//                  linear; two residual blocks over one-hot symbols
// `dropout_seed` as above; dropout of rate 1/2 lies after both convolutions
// (whole channels) and the hidden layer (polymnist_cnn), after each convolution
// (mst_svhn), before the last layer (mst_mnist, mst_text).
// Throws Error(data) that names `origin` on a missing, left over or misshapen
// array, and Error(plugin) that lists the architectures on an unknown one.
std::shared_ptr<Judge> make_official_judge(
    const std::string& architecture, const io::NamedArrays& weights,
    const std::string& origin, std::optional<std::uint64_t> dropout_seed = {});

// Tokens int64 [B, T] that spell class c's word exactly are of class c, any
// others of class -1; no features. spellings: int64 [T] by class; at least
// one, all of one length, no two equal (a failed check).
std::shared_ptr<Judge> make_lexicon_judge(std::vector<at::Tensor> spellings);

}  // namespace shalab
