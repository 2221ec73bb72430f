#include <ATen/core/grad_mode.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "mst_networks.h"
#include "shalab/error.h"
#include "shalab/io/tensors.h"
#include "shalab/nn/judges.h"
#include "shalab/random.h"

namespace shalab {

namespace {

using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::Linear;

class ConvJudgeNetwork : public JudgeNetwork {
 public:
  ConvJudgeNetwork(const std::vector<std::int64_t>& shape,
                   std::int64_t num_classes)
      : conv1_(conv("conv1", shape[0], 32)),
        conv2_(conv("conv2", 32, 64)),
        conv3_(conv("conv3", 64, 128)),
        hidden_(register_module(
            "hidden", Linear(128 * eighth(shape[1]) * eighth(shape[2]), 128))),
        out_(register_module("out", Linear(128, num_classes))) {}

  at::Tensor features(const at::Tensor& x) override {
    at::Tensor h = conv1_->forward(x).relu();
    h = conv2_->forward(h).relu();
    h = conv3_->forward(h).relu();
    return hidden_->forward(h.flatten(1)).relu();
  }

  at::Tensor logits(const at::Tensor& features) override {
    return out_->forward(features);
  }

 private:
  // What three convolutions of stride 2 and padding 1 leave of a side.
  static std::int64_t eighth(std::int64_t side) { return (side + 7) / 8; }

  Conv2d conv(const std::string& name, std::int64_t in, std::int64_t out) {
    return register_module(
        name, Conv2d(Conv2dOptions(in, out, 3).stride(2).padding(1)));
  }

  Conv2d conv1_, conv2_, conv3_;
  Linear hidden_, out_;
};

class PolyMnistCnn : public JudgeNetwork {
 public:
  PolyMnistCnn()
      : conv1_(Conv2dOptions(3, 10, 4).stride(2).padding(1)),
        conv2_(Conv2dOptions(10, 20, 4).stride(2).padding(1)),
        hidden_(980, 128),
        out_(128, 10) {
    auto encoder =
        register_module("encoder", std::make_shared<torch::nn::Module>());
    encoder->register_module("0", conv1_);
    encoder->register_module("3", conv2_);
    encoder->register_module("7", hidden_);
    encoder->register_module("10", out_);
  }

  at::Tensor features(const at::Tensor& x) override {
    at::Tensor h = dropped(conv1_->forward(x), true).relu();
    h = dropped(conv2_->forward(h), true).relu();
    return dropped(hidden_->forward(h.flatten(1))).relu();
  }

  at::Tensor logits(const at::Tensor& features) override {
    return out_->forward(features);
  }

 private:
  Conv2d conv1_, conv2_;
  Linear hidden_, out_;
};

class MstMnist : public JudgeNetwork {
 public:
  MstMnist()
      : conv1_(register_module("conv1",
                               Conv2d(Conv2dOptions(1, 32, 4).stride(2)))),
        conv2_(register_module("conv2",
                               Conv2d(Conv2dOptions(32, 64, 4).stride(2)))),
        conv3_(register_module("conv3",
                               Conv2d(Conv2dOptions(64, 128, 4).stride(2)))),
        out_(register_module("linear", Linear(128, 10))) {}

  at::Tensor features(const at::Tensor& x) override {
    at::Tensor h = conv1_->forward(x).relu();
    h = conv2_->forward(h).relu();
    return dropped(conv3_->forward(h).relu()).flatten(1);
  }

  at::Tensor logits(const at::Tensor& features) override {
    return out_->forward(features);
  }

 private:
  Conv2d conv1_, conv2_, conv3_;
  Linear out_;
};

using NetworkMaker = std::function<std::shared_ptr<JudgeNetwork>()>;

const std::map<std::string, NetworkMaker>& official_networks() {
  static const std::map<std::string, NetworkMaker> makers = {
      {"polymnist_cnn", [] { return std::make_shared<PolyMnistCnn>(); }},
      {"mst_mnist", [] { return std::make_shared<MstMnist>(); }},
      {"mst_svhn", make_mst_svhn},
      {"mst_text", make_mst_text}};
  return makers;
}

std::shared_ptr<JudgeNetwork> make_official_network(
    const std::string& architecture) {
  const auto& makers = official_networks();
  const auto found = makers.find(architecture);
  if (found != makers.end()) return found->second();
  std::string known;
  for (const auto& [name, maker] : makers) known += " " + name;
  throw Error(ErrorKind::plugin,
              "no judge has the architecture " + architecture,
              "known architectures:" + known);
}

[[noreturn]] void refuse(const std::string& origin, const std::string& what) {
  throw Error(ErrorKind::data, origin + ": " + what,
              "the file does not hold this classifier's weights");
}

void load(JudgeNetwork& network, const io::NamedArrays& weights,
          const std::string& origin) {
  const at::NoGradGuard no_grad;
  auto values = network.named_parameters();
  values.update(network.named_buffers());  // batch normalisation's statistics
  for (const auto& item : values) {
    const auto found = weights.find(item.key());
    if (found == weights.end()) refuse(origin, "no array " + item.key());
    if (found->second.shape != item.value().sizes().vec()) {
      refuse(origin, item.key() + " has another shape");
    }
    at::Tensor value = item.value();
    value.copy_(io::to_tensor(found->second));
  }
  for (const auto& [name, array] : weights) {
    if (!values.contains(name)) refuse(origin, "unknown array " + name);
  }
}

}  // namespace

std::shared_ptr<JudgeNetwork> make_conv_judge_network(
    const std::vector<std::int64_t>& shape, std::int64_t num_classes,
    std::uint64_t seed) {
  SHALAB_CHECK(shape.size() == 3, std::to_string(shape.size()) + " dimensions");
  auto network = std::make_shared<ConvJudgeNetwork>(shape, num_classes);
  const at::NoGradGuard no_grad;
  at::Generator generator = make_generator(seed, "judge/weights");
  for (at::Tensor& parameter : network->parameters()) {
    if (parameter.dim() == 1) {
      parameter.zero_();
    } else {
      const auto fan_in =
          static_cast<double>(parameter.numel() / parameter.size(0));
      parameter.normal_(0.0, std::sqrt(2.0 / fan_in), generator);
    }
  }
  return network;
}

std::shared_ptr<Judge> make_official_judge(
    const std::string& architecture, const io::NamedArrays& weights,
    const std::string& origin, std::optional<std::uint64_t> dropout_seed) {
  std::shared_ptr<JudgeNetwork> network = make_official_network(architecture);
  load(*network, weights, origin);
  return make_network_judge(std::move(network), architecture, dropout_seed);
}

}  // namespace shalab
