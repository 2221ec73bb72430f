#pragma once
// What every conformance test needs: the built plugins, by kind.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../plugins/load.h"
#include "shalab/modality.h"
#include "shalab/random.h"

namespace shalab {

// Names of the plugins of `kind` in the build's manifest, sorted.
inline std::vector<std::string> plugins_of(const std::string& kind) {
  std::ifstream file(SHALAB_BUILD_DIR "/plugins/manifest.json");
  const nlohmann::json manifest = nlohmann::json::parse(file);
  std::vector<std::string> names;
  for (const std::string listed : manifest.at("plugins")) {
    const auto slash = listed.find('/');
    if (listed.substr(0, slash) == kind) {
      names.push_back(listed.substr(slash + 1));
    }
  }
  return names;
}

// Plugins of a kind that one test cannot ask, with the reason it then prints.
using Exemptions = std::map<std::string, std::string>;

inline std::string test_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

inline ModalitySpec modality_of(const std::string& name, ModalityKind kind,
                                const std::vector<std::int64_t>& shape) {
  ModalitySpec spec;
  spec.name = name;
  spec.kind = kind;
  spec.shape = shape;
  spec.default_likelihood = "normal";
  if (kind == ModalityKind::tokens) {
    spec.vocabulary = {"_", "a", "b", "c", "d", "e"};
    spec.default_likelihood = "categorical";
  }
  return spec;
}

// Random data of a modality, [B, ...]; equal seeds give equal data.
inline at::Tensor data_of(const ModalitySpec& modality, std::int64_t batch,
                          std::uint64_t seed = 1) {
  auto generator = make_generator(seed, "data/" + modality.name);
  std::vector<std::int64_t> shape = modality.shape;
  shape.insert(shape.begin(), batch);
  if (modality.kind == ModalityKind::tokens) {
    return at::randint(modality.vocabulary_size(), shape, generator,
                       at::TensorOptions().dtype(at::kLong));
  }
  return at::rand(shape, generator);
}

// Copies all parameters and buffers, as a checkpoint would.
inline void copy_state(const torch::nn::Module& from, torch::nn::Module& to) {
  const torch::NoGradGuard no_grad;
  auto parameters = to.named_parameters();
  for (const auto& item : from.named_parameters()) {
    parameters[item.key()].copy_(item.value());
  }
  auto buffers = to.named_buffers();
  for (const auto& item : from.named_buffers()) {
    at::Tensor& buffer = buffers[item.key()];
    buffer.set_data(item.value().clone());
  }
}

inline void expect_gradients_everywhere(const torch::nn::Module& module) {
  for (const auto& item : module.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
}

inline bool is_usage_error(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::usage;
  }
  return false;
}

}  // namespace shalab
