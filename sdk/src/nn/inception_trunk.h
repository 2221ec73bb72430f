#pragma once
// The layers of Inception-v3 up to the last block, for inference only: each
// batch normalisation is folded into the convolution before it.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "frozen_network.h"

namespace shalab {

// A convolution with a ReLU, as the tables of layers write it. Without padding
// ("valid") or with half the kernel of it, which keeps the size at stride 1.
struct ConvPlan {
  std::string name;
  std::int64_t channels = 0;
  std::int64_t height = 1, width = 1;  // of the kernel
  std::int64_t stride = 1;
  bool padded = true;
};

// x -> pool -> steps -> every one of `fork`, concatenated by channel.
struct PathPlan {
  enum class Pool { none, average, maximum, halving };
  Pool pool = Pool::none;  // 3x3; halving: maxima at stride 2
  std::vector<ConvPlan> steps;
  std::vector<ConvPlan> fork;
};
using BlockPlan = std::vector<PathPlan>;  // outputs concatenated by channel

class ConvUnit {
 public:
  // Takes <prefix><name>.conv.weight and the four tensors of .bn.
  ConvUnit(const ConvPlan& plan, const std::string& prefix,
           std::int64_t in_channels, const TakeTensor& take);
  at::Tensor forward(const at::Tensor& x) const;
  void to(at::Device device);

 private:
  at::Tensor weight_, bias_;
  std::int64_t stride_;
  std::vector<std::int64_t> padding_;
};

class InceptionBlock {
 public:
  InceptionBlock(const std::string& name, std::int64_t in_channels,
                 const BlockPlan& plan, const TakeTensor& take);
  at::Tensor forward(const at::Tensor& x) const;
  void to(at::Device device);
  std::int64_t out_channels() const { return out_channels_; }

 private:
  struct Path {
    PathPlan::Pool pool;
    std::vector<ConvUnit> steps, fork;
  };
  std::vector<Path> paths_;
  std::int64_t out_channels_ = 0;
};

class InceptionTrunk {
 public:
  explicit InceptionTrunk(const TakeTensor& take);
  // x [B, 3, 299, 299]; result [B, 2048, 8, 8].
  at::Tensor forward(const at::Tensor& x) const;
  void to(at::Device device);
  at::Device device() const { return device_; }

 private:
  std::vector<ConvUnit> stem_;
  std::vector<InceptionBlock> blocks_;
  at::Device device_ = at::kCPU;
};

}  // namespace shalab
