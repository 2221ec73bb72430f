#include "inception_trunk.h"

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>

#include <utility>

namespace shalab {
namespace {

using Pool = PathPlan::Pool;
using Steps = std::vector<ConvPlan>;

constexpr double kNormEpsilon = 1e-3;  // of every batch normalisation
constexpr std::size_t kStemBeforeFirstPool = 3;

ConvPlan conv_plan(const std::string& name, std::int64_t channels,
                   std::int64_t height = 1, std::int64_t width = 1) {
  return {name, channels, height, width, 1, true};
}

ConvPlan valid_plan(const std::string& name, std::int64_t channels,
                    std::int64_t side, std::int64_t stride = 1) {
  return {name, channels, side, side, stride, false};
}

Steps stem_plan() {
  return {
      valid_plan("Conv2d_1a_3x3", 32, 3, 2), valid_plan("Conv2d_2a_3x3", 32, 3),
      conv_plan("Conv2d_2b_3x3", 64, 3, 3), valid_plan("Conv2d_3b_1x1", 80, 1),
      valid_plan("Conv2d_4a_3x3", 192, 3)};
}

// 35 x 35
BlockPlan block_a(std::int64_t pool_channels) {
  return {
      {Pool::none, {conv_plan("branch1x1", 64)}, {}},
      {Pool::none,
       {conv_plan("branch5x5_1", 48), conv_plan("branch5x5_2", 64, 5, 5)},
       {}},
      {Pool::none,
       {conv_plan("branch3x3dbl_1", 64), conv_plan("branch3x3dbl_2", 96, 3, 3),
        conv_plan("branch3x3dbl_3", 96, 3, 3)},
       {}},
      {Pool::average, {conv_plan("branch_pool", pool_channels)}, {}}};
}

// 35 x 35 to 17 x 17
BlockPlan block_b() {
  return {
      {Pool::none, {valid_plan("branch3x3", 384, 3, 2)}, {}},
      {Pool::none,
       {conv_plan("branch3x3dbl_1", 64), conv_plan("branch3x3dbl_2", 96, 3, 3),
        valid_plan("branch3x3dbl_3", 96, 3, 2)},
       {}},
      {Pool::halving, {}, {}}};
}

// 17 x 17
BlockPlan block_c(std::int64_t inner) {
  return {
      {Pool::none, {conv_plan("branch1x1", 192)}, {}},
      {Pool::none,
       {conv_plan("branch7x7_1", inner), conv_plan("branch7x7_2", inner, 1, 7),
        conv_plan("branch7x7_3", 192, 7, 1)},
       {}},
      {Pool::none,
       {conv_plan("branch7x7dbl_1", inner),
        conv_plan("branch7x7dbl_2", inner, 7, 1),
        conv_plan("branch7x7dbl_3", inner, 1, 7),
        conv_plan("branch7x7dbl_4", inner, 7, 1),
        conv_plan("branch7x7dbl_5", 192, 1, 7)},
       {}},
      {Pool::average, {conv_plan("branch_pool", 192)}, {}}};
}

// 17 x 17 to 8 x 8
BlockPlan block_d() {
  return {
      {Pool::none,
       {conv_plan("branch3x3_1", 192), valid_plan("branch3x3_2", 320, 3, 2)},
       {}},
      {Pool::none,
       {conv_plan("branch7x7x3_1", 192), conv_plan("branch7x7x3_2", 192, 1, 7),
        conv_plan("branch7x7x3_3", 192, 7, 1),
        valid_plan("branch7x7x3_4", 192, 3, 2)},
       {}},
      {Pool::halving, {}, {}}};
}

// 8 x 8
BlockPlan block_e(Pool pool) {
  return {{Pool::none, {conv_plan("branch1x1", 320)}, {}},
          {Pool::none,
           {conv_plan("branch3x3_1", 384)},
           {conv_plan("branch3x3_2a", 384, 1, 3),
            conv_plan("branch3x3_2b", 384, 3, 1)}},
          {Pool::none,
           {conv_plan("branch3x3dbl_1", 448),
            conv_plan("branch3x3dbl_2", 384, 3, 3)},
           {conv_plan("branch3x3dbl_3a", 384, 1, 3),
            conv_plan("branch3x3dbl_3b", 384, 3, 1)}},
          {pool, {conv_plan("branch_pool", 192)}, {}}};
}

std::vector<std::pair<std::string, BlockPlan>> block_plans() {
  return {{"Mixed_5b", block_a(32)},
          {"Mixed_5c", block_a(64)},
          {"Mixed_5d", block_a(64)},
          {"Mixed_6a", block_b()},
          {"Mixed_6b", block_c(128)},
          {"Mixed_6c", block_c(160)},
          {"Mixed_6d", block_c(160)},
          {"Mixed_6e", block_c(192)},
          {"Mixed_7a", block_d()},
          {"Mixed_7b", block_e(Pool::average)},
          {"Mixed_7c", block_e(Pool::maximum)}};
}

at::Tensor after_pool(Pool pool, const at::Tensor& x) {
  switch (pool) {
    case Pool::none:
      return x;
    case Pool::average:
      return at::avg_pool2d(x, 3, 1, 1, false, /*count_include_pad=*/false);
    case Pool::maximum:
      return at::max_pool2d(x, 3, 1, 1);
    case Pool::halving:
      return at::max_pool2d(x, 3, 2);
  }
  return x;
}

}  // namespace

ConvUnit::ConvUnit(const ConvPlan& plan, const std::string& prefix,
                   std::int64_t in_channels, const TakeTensor& take)
    : stride_(plan.stride), padding_{0, 0} {
  if (plan.padded) padding_ = {plan.height / 2, plan.width / 2};
  const std::string name = prefix + plan.name;
  const at::Tensor weight =
      take(name + ".conv.weight",
           {plan.channels, in_channels, plan.height, plan.width});
  const auto statistic = [&](const char* which) {
    return take(name + ".bn." + which, {plan.channels}).to(at::kDouble);
  };
  const at::Tensor shift = statistic("bias");
  const at::Tensor mean = statistic("running_mean");
  const at::Tensor variance = statistic("running_var");
  const at::Tensor scale =
      statistic("weight") / (variance + kNormEpsilon).sqrt();
  weight_ = (weight.to(at::kDouble) * scale.view({-1, 1, 1, 1})).to(at::kFloat);
  bias_ = (shift - mean * scale).to(at::kFloat);
}

at::Tensor ConvUnit::forward(const at::Tensor& x) const {
  return at::conv2d(x, weight_, bias_, stride_, padding_).relu_();
}

void ConvUnit::to(at::Device device) {
  weight_ = weight_.to(device);
  bias_ = bias_.to(device);
}

InceptionBlock::InceptionBlock(const std::string& name,
                               std::int64_t in_channels, const BlockPlan& plan,
                               const TakeTensor& take) {
  const std::string prefix = name + ".";
  for (const PathPlan& path_plan : plan) {
    Path path{path_plan.pool, {}, {}};
    std::int64_t channels = in_channels;
    for (const ConvPlan& step : path_plan.steps) {
      path.steps.emplace_back(step, prefix, channels, take);
      channels = step.channels;
    }
    std::int64_t forked = 0;
    for (const ConvPlan& end : path_plan.fork) {
      path.fork.emplace_back(end, prefix, channels, take);
      forked += end.channels;
    }
    out_channels_ += forked > 0 ? forked : channels;
    paths_.push_back(std::move(path));
  }
}

at::Tensor InceptionBlock::forward(const at::Tensor& x) const {
  std::vector<at::Tensor> parts;
  for (const Path& path : paths_) {
    at::Tensor h = after_pool(path.pool, x);
    for (const ConvUnit& step : path.steps) h = step.forward(h);
    for (const ConvUnit& end : path.fork) parts.push_back(end.forward(h));
    if (path.fork.empty()) parts.push_back(h);
  }
  return at::cat(parts, 1);
}

void InceptionBlock::to(at::Device device) {
  for (Path& path : paths_) {
    for (ConvUnit& step : path.steps) step.to(device);
    for (ConvUnit& end : path.fork) end.to(device);
  }
}

InceptionTrunk::InceptionTrunk(const TakeTensor& take) {
  std::int64_t channels = 3;
  for (const ConvPlan& plan : stem_plan()) {
    stem_.emplace_back(plan, "", channels, take);
    channels = plan.channels;
  }
  for (const auto& [name, plan] : block_plans()) {
    blocks_.emplace_back(name, channels, plan, take);
    channels = blocks_.back().out_channels();
  }
}

at::Tensor InceptionTrunk::forward(const at::Tensor& x) const {
  at::Tensor h = x;
  for (std::size_t i = 0; i < stem_.size(); ++i) {
    if (i == kStemBeforeFirstPool) h = at::max_pool2d(h, 3, 2);
    h = stem_[i].forward(h);
  }
  h = at::max_pool2d(h, 3, 2);
  for (const InceptionBlock& block : blocks_) h = block.forward(h);
  return h;
}

void InceptionTrunk::to(at::Device device) {
  for (ConvUnit& unit : stem_) unit.to(device);
  for (InceptionBlock& block : blocks_) block.to(device);
  device_ = device;
}

}  // namespace shalab
