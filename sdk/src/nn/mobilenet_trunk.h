#pragma once
// The layers of MobileNetV2, for inference only.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frozen_network.h"

namespace shalab {

struct MobileLayerPlan {
  std::string name;
  std::int64_t in_channels = 0, channels = 0;
  std::int64_t side = 1;  // of the kernel
  std::int64_t stride = 1;
  bool is_depthwise = false;
};

// Takes <name>.range [2]: the least and the largest value of an output.
class OutputRange {
 public:
  OutputRange(const std::string& name, const TakeTensor& take);
  at::Tensor cut(const at::Tensor& x) const;

 private:
  double least_, largest_;
};

// A convolution with TensorFlow's SAME padding: where the padding is odd, the
// greater part lies to the right and at the bottom. Its range does a ReLU6's
// work.
class MobileLayer {
 public:
  // Takes <name>.weight, .bias and .range.
  MobileLayer(const MobileLayerPlan& plan, const TakeTensor& take);
  at::Tensor forward(const at::Tensor& x) const;
  void to(at::Device device);

 private:
  at::Tensor weight_, bias_;
  std::int64_t stride_, groups_;
  OutputRange range_;
};

// x -> expand 1x1 -> depthwise 3x3 -> project 1x1, added to x where the shapes
// agree. The first block does not expand.
class MobileBlock {
 public:
  MobileBlock(const std::vector<MobileLayerPlan>& plans,
              const std::string& name, const TakeTensor& take);
  at::Tensor forward(const at::Tensor& x) const;
  void to(at::Device device);

 private:
  std::vector<MobileLayer> layers_;
  std::optional<OutputRange> sum_;  // <name>.sum.range
};

class MobilenetTrunk {
 public:
  MobilenetTrunk(std::int64_t num_classes, const TakeTensor& take);
  // x [B, 3, 224, 224]; result [B, 1280].
  at::Tensor features(const at::Tensor& x) const;
  // features [B, 1280]; result [B, classes].
  at::Tensor logits(const at::Tensor& features) const;
  void to(at::Device device);
  at::Device device() const { return device_; }

 private:
  MobileLayer stem_;
  std::vector<MobileBlock> blocks_;
  MobileLayer last_, classifier_;
  at::Device device_ = at::kCPU;
};

}  // namespace shalab
