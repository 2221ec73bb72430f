#pragma once
// What metric plugins have in common: counts, fingerprints, filling in rows.

#include <cstdint>
#include <string>

#include "shalab/measurement.h"
#include "shalab/metric.h"
#include "shalab/nn/statistics.h"

namespace shalab {

// Tuples of the split to ask for: its size, at most `max_samples` (0 = no
// limit).
std::int64_t num_tuples(const MetricContext& context);
// Joint draws to ask for: `max_samples`, or the size of the split where that
// is 0.
std::int64_t num_draws(const MetricContext& context);

// What stands as the source of a mean over all sources of one size: "one",
// "two", ... "nine", then figures.
std::string sources_of_size(std::size_t size);

// "data=<12 hex>", a digest of the dataset's fingerprint.
std::string data_fingerprint(const MetricContext& context);
// "judges=<12 hex> data=<12 hex>", of all judges of the bank;
// "judges=<12 hex> legacy_dropout data=..." where one of them drops out.
std::string judged_fingerprint(const MetricContext& context);

// The fields that all rows of one metric share.
struct MeasurementForm {
  std::string split;
  std::string protocol;
  std::string fingerprint;

  // A row without source and target. Unit and direction as in measurement.h.
  Measurement row(const std::string& name, const Estimate& estimate,
                  const std::string& unit, Direction direction) const;
};

// Error(run) unless `seen`: for finish().
void require_observed(bool seen, const std::string& metric);

}  // namespace shalab
