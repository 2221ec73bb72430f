#pragma once
// MobileNetV2 of width 1 (Sandler et al. 2018): 1,280 features of an image and
// scores of the classes that the network was trained to tell apart.
//
// The weights are those of TensorFlow's 8-bit files, as real numbers, and every
// layer's output is cut to the range that such a file gives it. Outputs are not
// rounded to 8 bits, which the interpreter of these files does.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shalab {

inline constexpr std::int64_t kMobilenetSide = 224;       // pixels
inline constexpr std::int64_t kMobilenetFeatures = 1280;  // F

// How an image becomes the network's input: 8-bit values, bilinear with
// half-pixel centres (and antialias where the image is larger), then
// (x - 128) / 128.
// images float [B, C, H, W] in [0, 1], C 1 (repeated) or 3; result float
// [B, 3, 224, 224] in [-1, 1). A failed check on another shape.
at::Tensor mobilenet_input(const at::Tensor& images);

// Names and shapes of the weights of a network of `num_classes`.
std::map<std::string, std::vector<std::int64_t>> mobilenet_weight_shapes(
    std::int64_t num_classes);

class MobilenetTrunk;

class MobilenetV2 {
 public:
  // `weights` are floating point by the names of mobilenet_weight_shapes, of
  // any number of classes. Throws Error(data) that names `origin` on a
  // missing, unknown, misshapen or non-finite tensor.
  MobilenetV2(const std::map<std::string, at::Tensor>& weights,
              const std::string& origin);
  ~MobilenetV2();

  // Means over positions of the last convolution's output: float [B, 1280] in
  // [0, 6]. images as in mobilenet_input; B may be large. float32 throughout,
  // without TF32 on a GPU. The weights follow the images to their device.
  // Gradient: none. [main]
  at::Tensor features(const at::Tensor& images);

  // features [B, 1280]; float [B, classes], before the softmax.
  at::Tensor logits(const at::Tensor& features) const;

  // 16 hexadecimal digits that tell the weights apart.
  const std::string& digest() const { return digest_; }

 private:
  std::unique_ptr<MobilenetTrunk> trunk_;
  std::string digest_;
};

// From a safetensors file of tools/convert_mobilenet.py. Throws Error(data)
// naming the file.
std::unique_ptr<MobilenetV2> read_mobilenet(const std::filesystem::path& file);

}  // namespace shalab
