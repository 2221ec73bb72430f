#pragma once
// Features of images by one network for all modalities.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "shalab/nn/sample_features.h"

namespace shalab {

// A network that was read.
struct FeatureNetwork {
  // [B, C, H, W] in [0, 1], C 1 or 3; float [B, F].
  std::function<at::Tensor(const at::Tensor& images)> features;
  std::string digest;
};

struct NetworkExtractor {
  std::string name;     // "inception", of keys and fingerprints
  std::string label;    // with what else a protocol must say
  std::string file;     // of its weights, under a data folder
  std::string purpose;  // what a user lacks without the file
  std::int64_t num_features = 0;
  std::function<FeatureNetwork(const std::filesystem::path&)> read;
};

// For the metric called `metric`. Metrics of one process that name one label
// and file share the network, and the features it gave of samples that are
// still alive.
std::unique_ptr<SampleFeatures> make_network_features(
    NetworkExtractor extractor, const MetricContext& context,
    const std::string& metric);

}  // namespace shalab
