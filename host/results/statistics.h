#pragma once
// Small statistics over replicates: runs that differ in their seed only.

#include <cstdint>
#include <optional>
#include <vector>

namespace shalab {

struct Summary {
  std::int64_t n = 0;
  double mean = 0.0;
  // s / sqrt(n), s with n - 1 in its denominator; none for n < 2.
  std::optional<double> standard_error;
};

// Of `values`; n = 0 gives mean 0.
Summary summarise(const std::vector<double>& values);

// Of b[i] - a[i], pairs of the same seed. Throws Error(usage) if the sizes
// differ.
Summary summarise_paired(const std::vector<double>& a,
                         const std::vector<double>& b);

}  // namespace shalab
