#include "run/codes.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/where.h>

namespace shalab {

std::vector<at::Tensor> private_codes(MultimodalModel& model, std::int64_t rows,
                                      const Seen& seen,
                                      at::Generator& generator) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> codes;
  if (model.private_size() == 0) return codes;
  const auto prior = model.private_prior(rows);
  for (std::size_t m = 0; m < model.modalities().size(); ++m) {
    codes.push_back(prior.rsample(1, generator)[0]);
    if (seen.features.empty()) continue;
    const auto posterior = model.private_posterior(m, seen.features[m]);
    const auto inferred =
        seen.takes_mean ? posterior.mean() : posterior.rsample(1, generator)[0];
    const auto is_seen =
        seen.presence.narrow(1, static_cast<std::int64_t>(m), 1);
    codes.back() = at::where(is_seen, inferred, codes.back());
  }
  return codes;
}

std::vector<at::Tensor> joined_codes(const MultimodalModel& model,
                                     const at::Tensor& z,
                                     const std::vector<at::Tensor>& w) {
  std::vector<at::Tensor> codes(model.modalities().size(), z);
  for (std::size_t m = 0; m < w.size(); ++m) {
    codes[m] = at::cat({z, w[m]}, -1);
  }
  return codes;
}

std::vector<at::Tensor> codes_of(MultimodalModel& model, const at::Tensor& z,
                                 const Seen& seen, at::Generator& generator) {
  return joined_codes(model, z,
                      private_codes(model, z.size(0), seen, generator));
}

}  // namespace shalab
