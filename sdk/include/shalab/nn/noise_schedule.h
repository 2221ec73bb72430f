#pragma once
// The forward process of a variance-preserving diffusion. No tensors.
//
//   z_t = alpha(t) z_0 + sigma(t) e,   alpha^2 + sigma^2 = 1,
//   lambda = ln(alpha / sigma)
//
// Discrete index i in 0..T-1 (T = 1000) and continuous time t in (0, 1] are
// the same scale: t = (i + 1) / T. Networks are told the index t T - 1.

#include <cstdint>
#include <string>
#include <vector>

namespace shalab::nn {

struct NoiseLevel {
  double alpha;
  double sigma;
  double lambda;  // half the log of the signal-to-noise ratio
};

class NoiseSchedule {
 public:
  static constexpr std::int64_t kSteps = 1000;  // T

  // beta_i from 1e-4 to 0.02 (Ho et al. 2020; DiT's default too).
  static NoiseSchedule linear();
  // abar(t) = cos^2(pi/2 (t + .008)/1.008), beta at most .999 (Nichol and
  // Dhariwal 2021). Solvers start at t = .9946, where lambda is about -4.8:
  // beyond it z_0 cannot be told from z (DPM-Solver, appendix D.4).
  static NoiseSchedule cosine();
  // "linear" or "cosine"; Error(usage) for another word.
  static NoiseSchedule named(const std::string& name);
  // From beta_i in (0, 1), by index. Failed check when empty or out of range.
  explicit NoiseSchedule(const std::vector<double>& betas, double start = 1.0);

  std::int64_t size() const;
  // Cumulative product abar_i of (1 - beta).
  double abar(std::int64_t index) const;
  // ln alpha interpolated linearly in t between the indices, in double; t
  // below 1/T counts as 1/T, above 1 as 1.
  NoiseLevel at(double t) const;
  // The t with the given lambda; clamped to [1/T, 1].
  double time_of(double lambda) const;
  double index_of(double t) const { return t * double(size()) - 1.0; }
  double time_at(std::int64_t index) const {
    return double(index + 1) / double(size());
  }

  // Where solvers start, and where they end: 1/T.
  double start() const { return start_; }
  double end() const { return 1.0 / double(size()); }

  // Indices round(k (T-1)/(n-1)), k = 0..n-1, ascending; {T-1} for n = 1.
  // Failed check unless 1 <= n <= T.
  std::vector<std::int64_t> respaced(std::int64_t n) const;
  // beta'_i = 1 - abar_{s_i} / abar_{s_{i-1}}, abar_{s_{-1}} = 1, of ascending
  // indices s: their cumulative products are abar_{s_i} again.
  std::vector<double> respaced_betas(
      const std::vector<std::int64_t>& indices) const;

 private:
  std::vector<double> log_alpha_;  // by index
  double start_;
};

}  // namespace shalab::nn
