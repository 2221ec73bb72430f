#include "mobilenet_trunk.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>

#include <algorithm>

#include "shalab/nn/mobilenet.h"

namespace shalab {
namespace {

// Blocks of equal width follow each other; the first of them has the stride
// (Sandler et al. 2018, table 2).
struct MobileStage {
  std::int64_t expansion, channels, blocks, stride;
};
constexpr MobileStage kMobileStages[] = {
    {1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
    {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
constexpr std::int64_t kMobileStem = 32;
constexpr std::int64_t kMobileWidest = 320;

MobileLayerPlan pointwise(const std::string& name, std::int64_t in,
                          std::int64_t out) {
  return {name, in, out, 1, 1, false};
}

std::vector<MobileLayerPlan> block_layers(const std::string& name,
                                          std::int64_t in,
                                          const MobileStage& stage,
                                          std::int64_t stride) {
  std::vector<MobileLayerPlan> plans;
  const std::int64_t inner = in * stage.expansion;
  if (stage.expansion > 1) {
    plans.push_back(pointwise(name + ".expand", in, inner));
  }
  plans.push_back({name + ".depthwise", inner, inner, 3, stride, true});
  plans.push_back(pointwise(name + ".project", inner, stage.channels));
  return plans;
}

at::Tensor same_padded(const at::Tensor& x, std::int64_t kernel,
                       std::int64_t stride) {
  const auto total = [&](std::int64_t size) {
    const std::int64_t steps = (size + stride - 1) / stride;
    return std::max<std::int64_t>(0, (steps - 1) * stride + kernel - size);
  };
  const std::int64_t across = total(x.size(3)), down = total(x.size(2));
  return at::constant_pad_nd(
      x, {across / 2, across - across / 2, down / 2, down - down / 2});
}

}  // namespace

OutputRange::OutputRange(const std::string& name, const TakeTensor& take) {
  const at::Tensor range = take(name + ".range", {2}).to(at::kDouble);
  least_ = range[0].item<double>();
  largest_ = range[1].item<double>();
}

at::Tensor OutputRange::cut(const at::Tensor& x) const {
  return x.clamp(least_, largest_);
}

MobileLayer::MobileLayer(const MobileLayerPlan& plan, const TakeTensor& take)
    : stride_(plan.stride),
      groups_(plan.is_depthwise ? plan.channels : 1),
      range_(plan.name, take) {
  weight_ =
      take(plan.name + ".weight",
           {plan.channels, plan.in_channels / groups_, plan.side, plan.side})
          .to(at::kFloat);
  bias_ = take(plan.name + ".bias", {plan.channels}).to(at::kFloat);
}

at::Tensor MobileLayer::forward(const at::Tensor& x) const {
  const at::Tensor padded = same_padded(x, weight_.size(2), stride_);
  return range_.cut(at::conv2d(padded, weight_, bias_, stride_,
                               /*padding=*/at::IntArrayRef{0},
                               /*dilation=*/1, groups_));
}

void MobileLayer::to(at::Device device) {
  weight_ = weight_.to(device);
  bias_ = bias_.to(device);
}

MobileBlock::MobileBlock(const std::vector<MobileLayerPlan>& plans,
                         const std::string& name, const TakeTensor& take) {
  bool keeps_size = true;
  for (const MobileLayerPlan& plan : plans) {
    layers_.emplace_back(plan, take);
    keeps_size = keeps_size && plan.stride == 1;
  }
  if (keeps_size && plans.front().in_channels == plans.back().channels) {
    sum_.emplace(name + ".sum", take);
  }
}

at::Tensor MobileBlock::forward(const at::Tensor& x) const {
  at::Tensor h = x;
  for (const MobileLayer& layer : layers_) h = layer.forward(h);
  return sum_ ? sum_->cut(x + h) : h;
}

void MobileBlock::to(at::Device device) {
  for (MobileLayer& layer : layers_) layer.to(device);
}

MobilenetTrunk::MobilenetTrunk(std::int64_t num_classes, const TakeTensor& take)
    : stem_({"stem", 3, kMobileStem, 3, 2, false}, take),
      last_(pointwise("last", kMobileWidest, kMobilenetFeatures), take),
      classifier_(pointwise("classifier", kMobilenetFeatures, num_classes),
                  take) {
  std::int64_t channels = kMobileStem;
  for (const MobileStage& stage : kMobileStages) {
    for (std::int64_t i = 0; i < stage.blocks; ++i) {
      const std::string name = "block_" + std::to_string(blocks_.size());
      blocks_.emplace_back(
          block_layers(name, channels, stage, i == 0 ? stage.stride : 1), name,
          take);
      channels = stage.channels;
    }
  }
}

at::Tensor MobilenetTrunk::features(const at::Tensor& x) const {
  at::Tensor h = stem_.forward(x);
  for (const MobileBlock& block : blocks_) h = block.forward(h);
  return last_.forward(h).mean({2, 3});
}

at::Tensor MobilenetTrunk::logits(const at::Tensor& features) const {
  return classifier_.forward(features.unsqueeze(2).unsqueeze(3)).flatten(1);
}

void MobilenetTrunk::to(at::Device device) {
  stem_.to(device);
  for (MobileBlock& block : blocks_) block.to(device);
  last_.to(device);
  classifier_.to(device);
  device_ = device;
}

}  // namespace shalab
