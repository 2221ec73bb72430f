// A bare LibTorch loop over ShaLa's first-stage networks on PolyMNIST shapes:
// the yardstick of `scripts/bench step`. No plugin, no record, no checkpoint;
// resident uint8 data, one gather, Laplace likelihood, fused Adam.
//
// Usage: bare_step BATCH STEPS; prints {"step_seconds": {"median": ...}}.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr int64_t kModalities = 5;
constexpr int64_t kFeatures = 128;
constexpr int64_t kLatent = 64;
constexpr int64_t kItems = 20000;

torch::nn::Sequential make_encoder() {
  namespace nn = torch::nn;
  const auto conv = [](int64_t in, int64_t out) {
    return nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(2).padding(1));
  };
  return nn::Sequential(conv(3, 32), nn::ReLU(), conv(32, 64), nn::ReLU(),
                        conv(64, 128), nn::ReLU(), nn::Flatten(),
                        nn::Linear(2048, kFeatures));
}

torch::nn::Sequential make_decoder() {
  namespace nn = torch::nn;
  const auto up = [](int64_t in, int64_t out, int64_t extra) {
    return nn::ConvTranspose2d(nn::ConvTranspose2dOptions(in, out, 3)
                                   .stride(2)
                                   .padding(1)
                                   .output_padding(extra));
  };
  return nn::Sequential(nn::Linear(kLatent, 2048),
                        nn::Unflatten(nn::UnflattenOptions(1, {128, 4, 4})),
                        nn::ReLU(), up(128, 64, 0), nn::ReLU(), up(64, 32, 1),
                        nn::ReLU(), up(32, 3, 1));
}

torch::nn::Sequential make_fusion() {
  namespace nn = torch::nn;
  return nn::Sequential(nn::Linear(kModalities * kFeatures, 512), nn::SiLU(),
                        nn::Linear(512, 512), nn::SiLU(), nn::Linear(512, 512),
                        nn::SiLU(), nn::Linear(512, 2 * kLatent));
}

struct Adam {
  explicit Adam(std::vector<torch::Tensor> all) : parameters(std::move(all)) {
    for (const auto& p : parameters) {
      means.push_back(torch::zeros_like(p));
      squares.push_back(torch::zeros_like(p));
      steps.push_back(torch::zeros({}));
    }
  }
  void step() {
    const torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> gradients;
    for (auto& p : parameters) gradients.push_back(p.grad());
    for (auto& s : steps) s.add_(1);
    at::_fused_adam_(parameters, gradients, means, squares, {}, steps, 1e-3,
                     0.9, 0.999, 0.0, 1e-8, false, false);
    for (auto& p : parameters) p.mutable_grad().reset();
  }
  std::vector<torch::Tensor> parameters, means, squares, steps;
};

}  // namespace

int main(int argc, char** argv) {
  const int64_t batch = argc > 1 ? std::atoll(argv[1]) : 128;
  const int64_t steps = argc > 2 ? std::atoll(argv[2]) : 40;
  at::globalContext().setFlushDenormal(true);
  std::vector<torch::Tensor> data, parameters;
  std::vector<torch::nn::Sequential> encoders, decoders;
  for (int64_t m = 0; m < kModalities; ++m) {
    data.push_back(torch::randint(0, 256, {kItems, 3, 28, 28}, torch::kByte));
    encoders.push_back(make_encoder());
    decoders.push_back(make_decoder());
  }
  auto fusion = make_fusion();
  for (auto& net : encoders)
    for (auto& p : net->parameters()) parameters.push_back(p);
  for (auto& net : decoders)
    for (auto& p : net->parameters()) parameters.push_back(p);
  for (auto& p : fusion->parameters()) parameters.push_back(p);
  Adam adam(parameters);
  std::vector<double> seconds;
  for (int64_t step = 0; step < steps + 5; ++step) {
    const auto start = std::chrono::steady_clock::now();
    const auto index = torch::randint(0, kItems, {batch}, torch::kLong);
    std::vector<torch::Tensor> x, h;
    for (int64_t m = 0; m < kModalities; ++m) {
      x.push_back(data[m].index_select(0, index).to(torch::kFloat).div_(255));
      h.push_back(encoders[m]->forward(x.back()));
    }
    const auto head = fusion->forward(torch::cat(h, 1)).chunk(2, 1);
    const auto log_var = head[1].clamp(-12, 8);
    const auto z = head[0] + torch::randn_like(log_var) * (0.5 * log_var).exp();
    auto loss = 0.5 * (log_var.exp() + head[0].square() - 1 - log_var).sum();
    for (int64_t m = 0; m < kModalities; ++m) {
      loss = loss + (decoders[m]->forward(z) - x[m]).abs().sum() / 0.75;
    }
    (loss / batch).backward();
    adam.step();
    if (step >= 5) {
      seconds.push_back(std::chrono::duration<double>(
                            std::chrono::steady_clock::now() - start)
                            .count());
    }
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("{\"threads\": %d, \"step_seconds\": {\"median\": %.6f}}\n",
              at::get_num_threads(), seconds[seconds.size() / 2]);
  return 0;
}
