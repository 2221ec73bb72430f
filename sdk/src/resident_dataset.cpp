#include "shalab/resident_dataset.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <utility>

#include "gather_rows.h"
#include "shalab/error.h"

namespace shalab {

namespace {

constexpr std::int64_t kValidationTuples = 5000;

void check_shapes(const std::vector<ModalitySpec>& modalities,
                  const ResidentSplit& split) {
  SHALAB_CHECK(split.data.size() == modalities.size(),
               std::to_string(split.data.size()) + " tensors");
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    const at::Tensor& data = split.data[m];
    SHALAB_CHECK(data.dim() >= 1 && data.size(0) == split.size() &&
                     data.sizes().slice(1).equals(modalities[m].shape),
                 "modality " + modalities[m].name);
  }
}

at::Tensor gathered(const at::Tensor& data, const at::Tensor& indices,
                    ModalityKind kind) {
  if (kind != ModalityKind::tokens && data.scalar_type() == at::kByte) {
    return gather_rows(data, indices);
  }
  const at::Tensor rows = data.index_select(0, indices);
  return kind == ModalityKind::tokens ? rows.to(at::kLong) : rows;
}

}  // namespace

std::int64_t limited(std::int64_t available, std::int64_t limit) {
  return limit == 0 ? available : std::min(available, limit);
}

std::int64_t validation_share(std::int64_t training) {
  return training < 10 * kValidationTuples ? training / 10 : kValidationTuples;
}

ResidentDataset::ResidentDataset(std::vector<ModalitySpec> modalities,
                                 std::array<ResidentSplit, 3> splits)
    : modalities_(std::move(modalities)), splits_(std::move(splits)) {
  for (const ResidentSplit& split : splits_) check_shapes(modalities_, split);
}

std::int64_t ResidentDataset::size(Split split) const {
  return splits_[static_cast<std::size_t>(split)].size();
}

void ResidentDataset::to(c10::Device device) {
  for (ResidentSplit& split : splits_) {
    for (at::Tensor& data : split.data) data = data.to(device);
    if (split.labels.defined()) split.labels = split.labels.to(device);
  }
}

Batch ResidentDataset::do_gather(Split split, const at::Tensor& indices) const {
  const ResidentSplit& from = splits_[static_cast<std::size_t>(split)];
  Batch batch;
  for (std::size_t m = 0; m < modalities_.size(); ++m) {
    batch.data.push_back(gathered(from.data[m], indices, modalities_[m].kind));
  }
  const auto num_modalities = static_cast<std::int64_t>(modalities_.size());
  batch.presence =
      at::ones({indices.size(0), num_modalities},
               at::TensorOptions(indices.device()).dtype(at::kBool));
  if (from.labels.defined())
    batch.labels = from.labels.index_select(0, indices);
  batch.ids = indices;
  return batch;
}

}  // namespace shalab
