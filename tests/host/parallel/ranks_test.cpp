// Run by mpiexec as several processes, each of which runs every test.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include "model/collective.h"
#include "model/gradient_exchange.h"
#include "model/tensors_of.h"
#include "run/step_loop.h"
#include "shalab/error.h"

namespace shalab {
namespace ranks_test {

constexpr std::int64_t kRows = 48;
constexpr std::int64_t kBatch = 12;  // parts for two, three or four ranks

Collective& team() {
  static Collective collective;
  return collective;
}

class Closing : public ::testing::Environment {
  void TearDown() override { team().close(); }
};
const auto* const closing = ::testing::AddGlobalTestEnvironment(new Closing);

// Whether all ranks hold the same bits.
bool is_same_everywhere(const at::Tensor& tensor) {
  const auto values = tensor.detach().contiguous();
  const std::string own(static_cast<const char*>(values.const_data_ptr()),
                        values.nbytes());
  return !team().any(team().text_of(0, own) != own);
}

struct Net : torch::nn::Module {
  Net()
      : linear(register_module("linear", torch::nn::Linear(3, 4))),
        norm(register_module("norm", torch::nn::BatchNorm1d(4))) {
    const at::NoGradGuard no_grad;
    std::int64_t start = 0;
    for (auto& parameter : parameters()) {
      parameter.copy_(pattern(parameter.sizes(), start += 7));
    }
  }
  static at::Tensor pattern(at::IntArrayRef sizes, std::int64_t start) {
    const auto count = c10::multiply_integers(sizes);
    return (at::arange(start, start + count, at::kFloat) * 1.7)
        .sin()
        .view(sizes);
  }
  torch::nn::Linear linear;
  torch::nn::BatchNorm1d norm;
};

at::Tensor rows_of(const at::Tensor& indices) {
  return Net::pattern({kRows, 3}, 1).index_select(0, indices);
}

RunContext context_of(Collective* collective) {
  RunContext context;
  context.services = quiet_services();
  context.collective = collective;
  return context;
}

StageOptions options_of(std::int64_t steps) {
  StageOptions options;
  options.name = "stage";
  options.num_items = kRows;
  options.batch_size = kBatch;
  options.epochs = 100;
  options.max_steps = steps;
  options.optimiser.clip_norm = 1.0;
  return options;
}

// Mean squares of the linear layer's output: no noise, no statistics of a
// batch.
StepHooks plain_hooks(Net& net) {
  StepHooks hooks;
  hooks.gather = [&net](const at::Tensor& indices) -> StepTerms {
    return [&net, indices](const StepInfo&) -> Terms {
      const auto loss =
          (net.linear->forward(rows_of(indices)) - 1).square().sum(1).mean();
      return {loss, {{"twice", 2 * loss}}};
    };
  };
  return hooks;
}

StepHooks noisy_hooks(Net& net, std::vector<at::Tensor>* draws = nullptr) {
  StepHooks hooks;
  hooks.buffers = net.buffers();
  hooks.gather = [&net, draws](const at::Tensor& indices) -> StepTerms {
    return [&net, draws, indices](const StepInfo& info) -> Terms {
      const auto noise = at::randn({indices.size(0), 3}, info.generator);
      if (draws != nullptr) draws->push_back(noise);
      const auto h =
          net.norm->forward(net.linear->forward(rows_of(indices) + noise));
      return {(h - noise.sum(1, true)).square().mean(), {}};
    };
  };
  return hooks;
}

TEST(Ranks, SumExactlyAndAlike) {
  const float all = static_cast<float>(team().size() * (team().size() + 1)) / 2;
  for (const std::int64_t count : {1, 1000, 300000}) {
    const auto ramp = at::arange(1, count + 1, at::kFloat);
    auto values = ramp * (team().rank() + 1);
    team().sum(values);
    EXPECT_TRUE(at::equal(values, ramp * all)) << count;
  }
  auto uneven = Net::pattern({100003}, 100 * team().rank());
  team().sum(uneven);
  EXPECT_TRUE(is_same_everywhere(uneven));
  auto wrong = at::zeros({2}, at::kDouble);
  EXPECT_THROW(team().sum(wrong), Error);
}

TEST(Ranks, TalkAndAgree) {
  for (int root = 0; root < team().size(); ++root) {
    const std::string own(static_cast<std::size_t>(team().rank()) * 5, 'x');
    EXPECT_EQ(team().text_of(root, own).size(), root * 5U);
  }
  EXPECT_FALSE(team().any(false));
  EXPECT_TRUE(team().any(team().rank() == team().size() - 1));
}

TEST(Ranks, TakeTheLeadsTensors) {
  const auto rank = team().rank();
  const auto strided = at::full({2, 3, 4, 4}, rank + 1.5)
                           .contiguous(at::MemoryFormat::ChannelsLast);
  NamedTensors tensors{{"bool", at::full({3}, rank == 0, at::kBool)},
                       {"double", at::full({2}, 0.1 + rank, at::kDouble)},
                       {"empty", at::zeros({0})},
                       {"long", at::full({}, 7 + rank, at::kLong)},
                       {"strided", strided}};
  team().share(tensors);
  EXPECT_TRUE(tensors["bool"].all().item<bool>());
  EXPECT_EQ(tensors["double"].sum().item<double>(), 0.2);
  EXPECT_EQ(tensors["long"].item<std::int64_t>(), 7);
  EXPECT_TRUE((strided == 1.5).all().item<bool>());
}

TEST(Ranks, AverageGradientsBuffersAndTerms) {
  const auto rank = static_cast<double>(team().rank());
  const double mean = (team().size() - 1) / 2.0;
  auto picture = Net::pattern({2, 3, 4, 4}, 1)
                     .contiguous(at::MemoryFormat::ChannelsLast)
                     .requires_grad_();
  auto only_lead = at::zeros({2}).requires_grad_();
  auto never = at::zeros({3}).requires_grad_();
  picture.mutable_grad() = Net::pattern({2, 3, 4, 4}, 5) * rank;
  if (rank == 0) only_lead.mutable_grad() = at::ones({2});
  auto buffer = at::full({2}, 3 + rank);
  GradientExchange exchange(team(), {picture, at::zeros({1}), only_lead, never},
                            {buffer, at::zeros({}, at::kLong)});
  Terms terms{at::full({}, rank), {{"twice", at::full({}, 2 * rank)}}};
  exchange.average(terms);
  EXPECT_TRUE(at::allclose(picture.grad(), Net::pattern({2, 3, 4, 4}, 5) * mean,
                           1e-6, 1e-7));
  EXPECT_EQ(picture.grad().strides(), picture.strides());
  EXPECT_TRUE(
      at::allclose(only_lead.grad(), at::full({2}, 1.0 / team().size()), 1e-6));
  EXPECT_TRUE(at::equal(never.grad(), at::zeros({3})));
  EXPECT_TRUE(at::equal(buffer, at::full({2}, 3.0)));
  EXPECT_FLOAT_EQ(terms.loss.item<float>(), static_cast<float>(mean));
  EXPECT_FLOAT_EQ(terms.named[0].second.item<float>(),
                  static_cast<float>(2 * mean));
}

TEST(Ranks, TrainAsOneProcessWithTheWholeBatch) {
  Net together, alone;
  const auto start = cloned(tensors_of(alone, ""));
  auto context = context_of(&team());
  StepLoop loop(options_of(20), together.linear->parameters(), context);
  EXPECT_EQ(loop.run(plain_hooks(together)), Outcome::finished);
  auto own = context_of(nullptr);
  StepLoop reference(options_of(20), alone.linear->parameters(), own);
  EXPECT_EQ(reference.run(plain_hooks(alone)), Outcome::finished);
  EXPECT_TRUE(
      at::allclose(together.linear->weight, alone.linear->weight, 1e-5, 1e-6));
  EXPECT_TRUE(
      at::allclose(together.linear->bias, alone.linear->bias, 1e-5, 1e-6));
  EXPECT_FALSE(at::allclose(start.at("linear.weight"), alone.linear->weight));
  EXPECT_TRUE(is_same_everywhere(together.linear->weight));
}

TEST(Ranks, HoldTheSameBitsUnderNoiseOfTheirOwn) {
  Net net;
  const auto start = cloned(tensors_of(net, ""));
  auto context = context_of(&team());
  StepLoop loop(options_of(20), net.parameters(), context);
  std::vector<at::Tensor> draws;
  loop.run(noisy_hooks(net, &draws));
  for (const auto& [name, tensor] : tensors_of(net, "")) {
    EXPECT_TRUE(is_same_everywhere(tensor)) << name;
    EXPECT_FALSE(at::equal(tensor, start.at(name))) << name;
  }
  EXPECT_FALSE(is_same_everywhere(draws.front()));
  EXPECT_EQ(draws.front().size(0), kBatch / team().size());
}

TEST(Ranks, ResumeToTheSameBits) {
  auto context = context_of(&team());
  Net straight, resumed;
  StepLoop(options_of(20), straight.parameters(), context)
      .run(noisy_hooks(straight));
  StepLoop first(options_of(20), resumed.parameters(), context);
  auto hooks = noisy_hooks(resumed);
  hooks.after_step = [](std::int64_t done) { return done == 9; };
  first.run(hooks);
  const auto state = cloned(first.state());
  StepLoop second(options_of(20), resumed.parameters(), context);
  second.restore(9, state);
  second.run(noisy_hooks(resumed));
  for (const auto& [name, tensor] : tensors_of(straight, "")) {
    EXPECT_TRUE(at::equal(tensor, tensors_of(resumed, "").at(name))) << name;
  }
  auto alone = context_of(nullptr);
  StepLoop other(options_of(20), resumed.parameters(), alone);
  EXPECT_THROW(other.restore(9, state), Error);
  EXPECT_THROW(second.restore(9, other.state()), Error);
}

TEST(Ranks, StopTogether) {
  struct Token : CancelToken {
    bool cancelled() const override { return is_set; }
    bool is_set = false;
  } token;
  Net net;
  auto context = context_of(&team());
  context.services.cancel = &token;
  StepLoop loop(options_of(20), net.parameters(), context);
  auto hooks = plain_hooks(net);
  hooks.after_step = [&](std::int64_t done) {
    token.is_set = done == 5 && team().rank() == team().size() - 1;
    return false;
  };
  EXPECT_EQ(loop.run(hooks), Outcome::cancelled);
  EXPECT_EQ(loop.steps_done(), 5);
}

TEST(Ranks, RefuseABatchWithoutEqualParts) {
  Net net;
  auto context = context_of(&team());
  auto options = options_of(1);
  options.batch_size = kBatch * team().size() + 1;
  try {
    StepLoop(options, net.parameters(), context);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
}

}  // namespace ranks_test
}  // namespace shalab
