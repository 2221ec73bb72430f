#pragma once
// Inception-v3 as FID knows it: 2,048 features of an image.
//
// The network of TensorFlow's archive inception-2015-12-05, of which
// pytorch-fid and torch-fidelity hold one and the same conversion. It differs
// from torchvision's: average pools leave the padding out of their means, and
// the pool of Mixed_7c takes maxima. The classifier behind the features is not
// built.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shalab {

inline constexpr std::int64_t kInceptionSide = 299;       // pixels
inline constexpr std::int64_t kInceptionFeatures = 2048;  // F

// How an image becomes the network's input. For small images this alone
// changes a distance visibly, so every number names it.
//   pytorch_fid     bilinear with half-pixel centres and no antialias, then
//                   2 x - 1; values are taken as they are (pytorch-fid, MMVAE+,
//                   MultiVae, MLD)
//   torch_fidelity  8-bit values, bilinear as in TensorFlow 1 (output pixel i
//                   lies at i * in / 299, the last pixel is repeated), then
//                   (x - 128) / 128
enum class InceptionResize { pytorch_fid, torch_fidelity };
std::string to_string(InceptionResize resize);
// Error(usage) on another word.
InceptionResize inception_resize_from(const std::string& text);

// images float [B, C, H, W] in [0, 1], C 1 (repeated) or 3; result float
// [B, 3, 299, 299], about [-1, 1]. A failed check on another shape.
at::Tensor inception_input(const at::Tensor& images, InceptionResize resize);

// Names and shapes of the weights: the state dict of pytorch-fid's network,
// less the classifier ("fc.") and the counters of batches.
std::map<std::string, std::vector<std::int64_t>> inception_weight_shapes();

class InceptionTrunk;

class Inception {
 public:
  // `weights` are floating point by the names of inception_weight_shapes;
  // "fc.*" and "*.num_batches_tracked" may be there too. Throws Error(data)
  // that names `origin` on a missing, unknown, misshapen or non-finite tensor.
  Inception(const std::map<std::string, at::Tensor>& weights,
            const std::string& origin);
  ~Inception();

  // Means over positions of the last block's output: float [B, 2048], each at
  // least 0. images as in inception_input; B may be large. float32 throughout,
  // without TF32 on a GPU. The weights follow the images to their device.
  // Gradient: none. [main]
  at::Tensor features(const at::Tensor& images, InceptionResize resize);

  // 16 hexadecimal digits that tell the weights apart.
  const std::string& digest() const { return digest_; }

 private:
  std::unique_ptr<InceptionTrunk> trunk_;
  std::string digest_;
};

// From a safetensors file of tools/convert_inception.py. Throws Error(data)
// naming the file.
std::unique_ptr<Inception> read_inception(const std::filesystem::path& file);

}  // namespace shalab
