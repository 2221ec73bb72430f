#include "run/latents.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <algorithm>

#include "shalab/error.h"

namespace shalab {

namespace {

constexpr std::int64_t kEncodeBatch = 1000;

at::Tensor joined(const std::vector<at::Tensor>& parts) {
  return parts.empty() || !parts.front().defined() ? at::Tensor()
                                                   : at::cat(parts);
}

}  // namespace

at::Tensor index_range(std::int64_t first, std::int64_t count,
                       c10::Device device) {
  return at::arange(first, first + count,
                    at::TensorOptions(at::kLong).device(device));
}

EncodedSplit encode_split(MultimodalModel& model, const Dataset& dataset,
                          Split split, const RunContext& context,
                          std::int64_t limit) {
  const at::NoGradGuard no_grad;
  const auto available = dataset.size(split);
  const auto size = limit > 0 ? std::min(limit, available) : available;
  std::vector<at::Tensor> means;
  std::vector<at::Tensor> log_vars;
  std::vector<at::Tensor> labels;
  std::vector<std::vector<at::Tensor>> features(model.modalities().size());
  for (std::int64_t first = 0; first < size; first += kEncodeBatch) {
    const auto count = std::min(kEncodeBatch, size - first);
    const auto batch =
        dataset.gather(split, index_range(first, count, context.device));
    const AutocastScope autocast(context.precision, context.device);
    const auto encoded = model.encode(batch);
    const auto posterior = model.fuse(encoded, batch.presence);
    means.push_back(posterior.mean());
    if (posterior.family() != Posterior::Family::dirac) {
      log_vars.push_back(posterior.variance().log());
    }
    labels.push_back(batch.labels);
    for (std::size_t m = 0; m < features.size(); ++m) {
      features[m].push_back(encoded[m].shared.to(at::kFloat));
    }
  }
  EncodedSplit result;
  result.size = size;
  result.latents.mean = joined(means);
  result.latents.log_var = joined(log_vars);
  result.labels = joined(labels);
  for (auto& parts : features) {
    result.latents.features.push_back(joined(parts));
  }
  return result;
}

}  // namespace shalab
