#pragma once
// `shalab score`: a metric on one's own files, without model or dataset.

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "shalab/metric.h"

namespace shalab {

// Measures `generated` against `real` by the metric that `make` makes: real
// samples are its dataset, generated ones answer its joint tasks (as many as
// there are, any order) or its reconstruction tasks (pairs, in one order).
// sample_files.h says what a side may be; vectors are their own features. The
// fingerprint is of the real side; rows have no source, target or split.
//
// Errors: Error(usage) for a metric that needs more than samples (classes,
// judges, a model), for sides that it cannot compare and for one sample where
// it needs two; Error(data) for a file that cannot be read. [main]
std::vector<Measurement> score(
    const std::function<std::unique_ptr<Metric>(const MetricContext&)>& make,
    const std::filesystem::path& real, const std::filesystem::path& generated,
    const Services& services);

}  // namespace shalab
