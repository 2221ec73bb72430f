#include "conditioner.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "shalab/error.h"

namespace shalab::diffusion {
namespace {

std::vector<at::Tensor> leading_of(const std::vector<at::Tensor>& tensors,
                                   std::int64_t rows) {
  std::vector<at::Tensor> result;
  for (const auto& x : tensors) {
    result.push_back(x.defined() ? x.narrow(0, 0, rows) : x);
  }
  return result;
}

}  // namespace

Conditioner::Conditioner(const PriorContext& context,
                         std::vector<nn::Moments> moments)
    : context_(context), moments_(std::move(moments)) {}

void Conditioner::standardise(const LatentSet& latents) {
  for (std::size_t m = 0; m < moments_.size(); ++m) {
    const auto found = nn::column_moments(source(m, latents.features, Batch()));
    moments_[m].mean.copy_(found.mean);
    moments_[m].deviation.copy_(found.deviation);
  }
}

void Conditioner::check(std::size_t m, const at::Tensor& x,
                        const std::string& what) const {
  if (reads_data()) {
    const auto& shape = context_.modalities[m].shape;
    SHALAB_CHECK(x.dim() >= 1 && x.sizes().slice(1) == at::IntArrayRef(shape),
                 what + " do not have the shape of the modality");
  } else if (x.dim() != 2 || x.size(1) != context_.features[m]) {
    throw Error(ErrorKind::run,
                "diffusion: " + what + " must be [B, " +
                    std::to_string(context_.features[m]) + "], got " +
                    std::to_string(x.dim()) + " dimensions, the last of " +
                    std::to_string(x.size(-1)),
                "use the features of the first stage that it was fitted on");
  }
}

at::Tensor Conditioner::source(std::size_t m,
                               const std::vector<at::Tensor>& features,
                               const Batch& batch) const {
  const auto& tensors = reads_data() ? batch.data : features;
  const std::string what = (reads_data() ? "data" : "features") +
                           std::string(" of ") + context_.modalities[m].name;
  if (m >= tensors.size() || !tensors[m].defined()) {
    throw Error(ErrorKind::run, "diffusion: no " + what + " to condition on",
                reads_data()
                    ? "condition = x reads the batch's data"
                    : "condition = h reads the features of the first stage");
  }
  check(m, tensors[m], what);
  return tensors[m];
}

at::Tensor Conditioner::embed(Network& network, std::size_t m,
                              const at::Tensor& x) const {
  if (reads_data()) return network.embed(m, x);
  return network.embed(m, (x - moments_[m].mean) / moments_[m].deviation);
}

at::Tensor Conditioner::for_training(Network& network, const LatentBatch& batch,
                                     double dropout,
                                     at::Generator& generator) const {
  const std::int64_t rows = batch.z.size(0);
  const auto shares = static_cast<std::int64_t>(context_.modalities.size());
  std::vector<at::Tensor> told, absent;
  for (std::int64_t m = 0; m < shares; ++m) {
    const std::int64_t first = rows * m / shares;
    const std::int64_t count = rows * (m + 1) / shares - first;
    if (count == 0) continue;
    const auto x = source(m, batch.features, batch.batch);
    told.push_back(embed(network, m, x.narrow(0, first, count)));
    if (!batch.batch.presence.defined()) continue;
    absent.push_back(batch.batch.presence.narrow(0, first, count)
                         .select(1, m)
                         .logical_not());
  }
  const auto options = batch.z.options().dtype(at::kFloat);
  auto is_null = at::rand({rows, 1}, generator, options) < dropout;
  if (!absent.empty()) is_null = is_null | at::cat(absent).unsqueeze(1);
  return at::where(is_null, network.null_condition(rows), at::cat(told));
}

std::int64_t Conditioner::rows_of(const Condition& condition) const {
  std::int64_t rows = -1;
  for (const std::size_t m : condition.subset.indices()) {
    if (m >= context_.modalities.size()) {
      throw Error(ErrorKind::usage,
                  "diffusion: the condition names modality " +
                      std::to_string(m) + " of " +
                      std::to_string(context_.modalities.size()),
                  "condition on modalities of the dataset it was fitted on");
    }
    const auto x = source(m, condition.features, condition.batch);
    SHALAB_CHECK(rows < 0 || x.size(0) == rows,
                 "the condition's modalities differ in rows");
    rows = x.size(0);
  }
  return rows;
}

std::vector<at::Tensor> Conditioner::for_sampling(
    Network& network, const Condition& condition, std::int64_t first,
    std::int64_t count, bool averages, at::Generator& generator) const {
  std::vector<at::Tensor> told;
  for (const std::size_t m : condition.subset.indices()) {
    const auto x = source(m, condition.features, condition.batch);
    told.push_back(embed(network, m, x.narrow(0, first, count)));
  }
  const auto choices = static_cast<std::int64_t>(told.size());
  if (choices == 1 || averages) return told;
  const auto choice = at::randint(0, choices, {count}, generator,
                                  told[0].options().dtype(at::kLong));
  const auto index =
      choice.view({1, count, 1}).expand({1, count, told[0].size(1)});
  return {at::stack(told).gather(0, index).squeeze(0)};
}

LatentBatch leading(const LatentBatch& batch, std::int64_t rows) {
  LatentBatch result;
  result.z = batch.z.narrow(0, 0, rows);
  result.features = leading_of(batch.features, rows);
  result.batch.data = leading_of(batch.batch.data, rows);
  if (batch.batch.presence.defined()) {
    result.batch.presence = batch.batch.presence.narrow(0, 0, rows);
  }
  return result;
}

}  // namespace shalab::diffusion
