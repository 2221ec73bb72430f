#include "shalab/nn/mobilenet.h"

#include <ATen/ATen.h>

#include "frozen_network.h"
#include "mobilenet_trunk.h"
#include "shalab/io/safetensors.h"

namespace shalab {
namespace {

constexpr std::int64_t kPicturesAtOnce = 50;
constexpr const char* kTfliteConverter =
    "make the file with tools/convert_mobilenet.py from "
    "mobilenet_v2_1.0_224_quant.tflite";

std::int64_t num_classes_of(const NamedTensors& weights) {
  const auto bias = weights.find("classifier.bias");
  if (bias == weights.end()) return 0;
  return bias->second.numel();
}

}  // namespace

at::Tensor mobilenet_input(const at::Tensor& images) {
  const at::Tensor bytes = in_eight_bits(in_three_channels(images));
  const at::Tensor resized = at::_upsample_bilinear2d_aa(
      bytes, {kMobilenetSide, kMobilenetSide}, /*align_corners=*/false);
  return (resized - 128) / 128;
}

std::map<std::string, std::vector<std::int64_t>> mobilenet_weight_shapes(
    std::int64_t num_classes) {
  return shapes_taken([num_classes](const TakeTensor& take) {
    const MobilenetTrunk trunk(num_classes, take);
  });
}

MobilenetV2::MobilenetV2(const std::map<std::string, at::Tensor>& weights,
                         const std::string& origin) {
  NetworkWeights source(weights, origin, "MobileNetV2", kTfliteConverter);
  trunk_ =
      std::make_unique<MobilenetTrunk>(num_classes_of(weights), source.taker());
  digest_ = source.digest();
}

MobilenetV2::~MobilenetV2() = default;

at::Tensor MobilenetV2::features(const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  const FullPrecision full_precision;
  if (trunk_->device() != images.device()) trunk_->to(images.device());
  std::vector<at::Tensor> parts;
  for (const at::Tensor& block : images.split(kPicturesAtOnce)) {
    parts.push_back(trunk_->features(mobilenet_input(block)));
  }
  return at::cat(parts);
}

at::Tensor MobilenetV2::logits(const at::Tensor& features) const {
  const at::NoGradGuard no_grad;
  return trunk_->logits(features);
}

std::unique_ptr<MobilenetV2> read_mobilenet(const std::filesystem::path& file) {
  return std::make_unique<MobilenetV2>(io::read_safetensors(file).tensors,
                                       file.string());
}

}  // namespace shalab
