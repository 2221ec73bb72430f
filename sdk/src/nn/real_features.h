#pragma once
// Features of the real side: computed, or read from the cache folder.

#include <c10/core/Device.h>

#include <functional>

#include "shalab/nn/sample_features.h"

namespace shalab {

// Features [B, F] of modality `m`, on the device asked for.
using VisitFeatures = std::function<void(std::size_t m, const at::Tensor&)>;

// Visits the first num_tuples(context) tuples of the split that have each
// modality, in order. Features of one network are kept as float [N, F] in
// <cache folder>/features/<digest>_<m>.npy, the digest being one of data,
// split, number of tuples, weights and label. Error(data) for a
// kept file that is no such array.
void visit_real_features(const MetricContext& context, SampleFeatures& features,
                         c10::Device device, const VisitFeatures& visit);

}  // namespace shalab
