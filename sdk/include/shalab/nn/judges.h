#pragma once
// The classifiers behind judges: published ones, one to train, and a lexicon.

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "shalab/io/arrays.h"
#include "shalab/judge.h"

namespace shalab {

// An image classifier cut at its last hidden layer. No dropout: published
// networks are built as they are in evaluation mode.
class JudgeNetwork : public torch::nn::Module {
 public:
  // x: float [B, C, H, W] in [0, 1]. Result [B, F], after the ReLU. Gradient
  // flows to x and to the parameters.
  virtual at::Tensor features(const at::Tensor& x) = 0;
  // features: [B, F]. Result [B, classes], logits or anything whose largest
  // entry is the class.
  virtual at::Tensor logits(const at::Tensor& features) = 0;
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
// weights follow x to its device. `architecture` is part of the digest. [main]
std::shared_ptr<Judge> make_network_judge(std::shared_ptr<JudgeNetwork> network,
                                          const std::string& architecture);

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
// Throws Error(data) that names `origin` on a missing, left over or misshapen
// array, and Error(plugin) that lists the architectures on an unknown one.
std::shared_ptr<Judge> make_official_judge(const std::string& architecture,
                                           const io::NamedArrays& weights,
                                           const std::string& origin);

// Tokens int64 [B, T] that spell class c's word exactly are of class c, any
// others of class -1; no features. spellings: int64 [T] by class; at least
// one, all of one length, no two equal (a failed check).
std::shared_ptr<Judge> make_lexicon_judge(std::vector<at::Tensor> spellings);

}  // namespace shalab
