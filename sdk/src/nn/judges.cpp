#include "shalab/nn/judges.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/bernoulli.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <utility>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

constexpr std::int64_t kBlock = 1000;  // images judged at a time

std::string digest_of(const torch::nn::Module& network,
                      const std::string& architecture) {
  Digest64 digest;
  digest.add(architecture);
  auto all = network.named_parameters();
  all.update(network.named_buffers());
  for (const auto& item : all) {
    const at::Tensor values = item.value().detach().cpu().contiguous();
    digest.add(item.key()).add(values.data_ptr(), values.nbytes());
  }
  return architecture + ":" + digest.hex();
}

class NetworkJudge : public Judge {
 public:
  NetworkJudge(std::shared_ptr<JudgeNetwork> network,
               const std::string& architecture,
               std::optional<std::uint64_t> dropout_seed)
      : network_(std::move(network)),
        digest_(digest_of(*network_, architecture) +
                (dropout_seed ? kLegacyDropout : "")),
        dropout_seed_(dropout_seed) {}

  Judgement judge(const at::Tensor& x) const override {
    const at::NoGradGuard no_grad;
    follow(x.device());
    std::vector<at::Tensor> labels;
    std::vector<at::Tensor> features;
    for (const at::Tensor& block : x.split(kBlock)) {
      if (dropout_seed_) network_->set_dropout(mask_generator(block));
      features.push_back(network_->features(block.to(at::kFloat)));
      labels.push_back(network_->logits(features.back()).argmax(1));
    }
    return {at::cat(labels), at::cat(features)};
  }

  std::string digest() const override { return digest_; }

 private:
  void follow(c10::Device device) const {
    if (network_->parameters().front().device() != device) {
      network_->to(device);
    }
  }

  at::Generator mask_generator(const at::Tensor& block) const {
    const at::Tensor bytes = block.cpu().contiguous();
    Digest64 content;
    content.add(bytes.const_data_ptr(), bytes.nbytes());
    return make_generator(*dropout_seed_, "judge/dropout/" + content.hex(),
                          block.device());
  }

  std::shared_ptr<JudgeNetwork> network_;
  std::string digest_;
  std::optional<std::uint64_t> dropout_seed_;
};

class LexiconJudge : public Judge {
 public:
  explicit LexiconJudge(std::vector<at::Tensor> spellings)
      : spellings_(at::stack(spellings).to(at::kCPU, at::kLong)) {}

  Judgement judge(const at::Tensor& x) const override {
    const at::Tensor words = spellings_.to(x.device());
    const at::Tensor spelt =
        x.unsqueeze(1).eq(words.unsqueeze(0)).all(2);  // [B, classes]
    const at::Tensor none = at::full({}, -1, words.options());
    return {at::where(spelt.any(1), spelt.to(at::kByte).argmax(1), none), {}};
  }

  std::string digest() const override {
    const at::Tensor words = spellings_.contiguous();
    return "lexicon:" + Digest64()
                            .add(std::to_string(words.size(1)))
                            .add(words.data_ptr(), words.nbytes())
                            .hex();
  }

 private:
  at::Tensor spellings_;  // [classes, T]
};

}  // namespace

at::Tensor JudgeNetwork::dropped(const at::Tensor& x,
                                 bool whole_channels) const {
  if (!dropout_.defined()) return x;
  std::vector<std::int64_t> shape = x.sizes().vec();
  if (whole_channels) std::fill(shape.begin() + 2, shape.end(), 1);
  at::Generator generator = dropout_;
  return x * at::empty(shape, x.options()).bernoulli_(0.5, generator).mul_(2);
}

std::shared_ptr<Judge> make_network_judge(
    std::shared_ptr<JudgeNetwork> network, const std::string& architecture,
    std::optional<std::uint64_t> dropout_seed) {
  network->eval();
  for (at::Tensor& parameter : network->parameters()) {
    parameter.requires_grad_(false);
  }
  return std::make_shared<NetworkJudge>(std::move(network), architecture,
                                        dropout_seed);
}

std::shared_ptr<Judge> make_lexicon_judge(std::vector<at::Tensor> spellings) {
  SHALAB_CHECK(!spellings.empty(), "no words");
  for (std::size_t a = 0; a < spellings.size(); ++a) {
    SHALAB_CHECK(spellings[a].sizes() == spellings[0].sizes(),
                 "words of different lengths");
    for (std::size_t b = 0; b < a; ++b) {
      SHALAB_CHECK(!spellings[a].equal(spellings[b]), "two equal words");
    }
  }
  return std::make_shared<LexiconJudge>(std::move(spellings));
}

}  // namespace shalab
