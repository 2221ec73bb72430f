#include "results/statistics.h"

#include <cmath>
#include <numeric>
#include <string>

#include "shalab/error.h"

namespace shalab {

Summary summarise(const std::vector<double>& values) {
  Summary summary;
  summary.n = static_cast<std::int64_t>(values.size());
  if (values.empty()) return summary;
  const double n = static_cast<double>(values.size());
  summary.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() < 2) return summary;
  double squares = 0.0;
  for (double value : values)
    squares += (value - summary.mean) * (value - summary.mean);
  summary.standard_error = std::sqrt(squares / (n - 1.0) / n);
  return summary;
}

Summary summarise_paired(const std::vector<double>& a,
                         const std::vector<double>& b) {
  if (a.size() != b.size()) {
    throw Error(ErrorKind::usage,
                "cannot pair " + std::to_string(a.size()) + " values with " +
                    std::to_string(b.size()),
                "compare runs of the same seeds");
  }
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(b[i] - a[i]);
  return summarise(differences);
}

}  // namespace shalab
