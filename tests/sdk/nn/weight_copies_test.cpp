#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>

#include "shalab/nn/layers.h"

namespace shalab {
namespace weight_copies_test {

class Autocast {
 public:
  Autocast() { set(true); }
  ~Autocast() {
    at::autocast::clear_cache();
    set(false);
  }

 private:
  static void set(bool is_wanted) {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, is_wanted);
  }
};

// Layers of each kind, one of them called twice, a layer of torch's, and a
// weight that is read without its layer.
class Net : public torch::nn::Module {
 public:
  Net() {
    register_module("down", down);
    register_module("up", up);
    register_module("head", head);
    register_module("torchs", torchs);
    for (auto& parameter : parameters()) {
      if (parameter.dim() == 4) {
        parameter.set_data(
            parameter.contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
  }

  at::Tensor loss(const at::Tensor& x) {
    const at::Tensor y = up(at::relu(down(x)));
    const at::Tensor z = torchs(up(at::relu(down(y))));
    return head(z.flatten(1)).to(at::kFloat).square().mean() +
           0.1 * head->weight.square().sum();
  }

  nn::Conv2d down{torch::nn::Conv2dOptions(16, 32, 4).stride(2).padding(1)};
  nn::ConvTranspose2d up{
      torch::nn::ConvTranspose2dOptions(32, 16, 4).stride(2).padding(1)};
  torch::nn::Conv2d torchs{torch::nn::Conv2dOptions(16, 4, 3).padding(1)};
  nn::Linear head{4 * 8 * 8, 5};
};

// Gradient descent of three steps, and the losses on the way.
struct Descent {
  std::vector<double> losses;
  std::vector<at::Tensor> parameters;
};

Descent descend(nn::WeightCopies* copies) {
  torch::manual_seed(3);
  Net net;
  const at::Tensor x =
      at::rand({6, 16, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
  Descent result;
  for (int step = 0; step < 3; ++step) {
    net.zero_grad();
    if (copies != nullptr) copies->refresh();
    at::Tensor loss;
    {
      const nn::WeightCopiesScope scope(copies);
      const Autocast autocast;
      loss = net.loss(x);
    }
    loss.backward();
    if (copies != nullptr) copies->hand_back_gradients();
    const at::NoGradGuard no_grad;
    for (auto& parameter : net.parameters()) {
      parameter.sub_(parameter.grad(), 0.05);
    }
    result.losses.push_back(loss.item<double>());
  }
  result.parameters = net.parameters();
  return result;
}

TEST(WeightCopies, TrainAsAutocastDoesBitByBit) {
  nn::WeightCopies copies;
  const Descent ours = descend(&copies), autocast = descend(nullptr);
  EXPECT_EQ(ours.losses, autocast.losses);
  EXPECT_NE(ours.losses[0], ours.losses[2]);
  for (std::size_t i = 0; i < ours.parameters.size(); ++i) {
    EXPECT_TRUE(ours.parameters[i].equal(autocast.parameters[i])) << i;
    EXPECT_EQ(ours.parameters[i].grad().scalar_type(), at::kFloat) << i;
  }
}

TEST(WeightCopies, AreOneForEachParameterAndFollowIt) {
  nn::WeightCopies copies;
  const at::Tensor weight = at::randn({4, 5}).requires_grad_(true);
  const Autocast autocast;
  const at::Tensor copy = copies.of(weight);
  EXPECT_TRUE(copies.of(weight).is_same(copy));
  EXPECT_EQ(copy.scalar_type(), at::kBFloat16);
  {
    const at::NoGradGuard no_grad;
    weight.mul_(2);
  }
  EXPECT_FALSE(copy.equal(weight.to(at::kBFloat16)));
  copies.refresh();
  EXPECT_TRUE(copies.of(weight).is_same(copy));
  EXPECT_TRUE(copy.equal(weight.to(at::kBFloat16)));
}

TEST(WeightCopies, LeaveFrozenTensorsAndResultsAlone) {
  nn::WeightCopies copies;
  const at::Tensor frozen = at::randn({4});
  const at::Tensor result = at::randn({4}).requires_grad_(true) * 2;
  const Autocast autocast;
  EXPECT_TRUE(copies.of(frozen).is_same(frozen));
  EXPECT_TRUE(copies.of(result).is_same(result));
}

TEST(WeightCopies, GiveNoGradientWhereThereWasNone) {
  nn::WeightCopies copies;
  const at::Tensor weight = at::randn({4}).requires_grad_(true);
  const Autocast autocast;
  copies.of(weight);
  copies.hand_back_gradients();
  EXPECT_FALSE(weight.grad().defined());
}

TEST(WeightCopies, ServeNobodyOutsideTheirScope) {
  nn::WeightCopies copies;
  nn::Shadow shadow;
  const at::Tensor weight = at::randn({4}).requires_grad_(true);
  const Autocast autocast;
  {
    const nn::WeightCopiesScope scope(&copies);
    EXPECT_FALSE(shadow.of(weight).is_same(weight));
    const nn::WeightCopiesScope none(nullptr);
    EXPECT_TRUE(shadow.of(weight).is_same(weight));
  }
  EXPECT_TRUE(shadow.of(weight).is_same(weight));
}

}  // namespace weight_copies_test
}  // namespace shalab
