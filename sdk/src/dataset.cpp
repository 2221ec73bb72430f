#include "shalab/dataset.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "shalab/error.h"

namespace shalab {

namespace {

const std::vector<std::string> kSplitNames = {"train", "validation", "test"};

}  // namespace

std::string to_string(Split split) {
  return kSplitNames.at(static_cast<std::size_t>(split));
}

Split split_from(const std::string& text) {
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    if (text == to_string(split)) return split;
  }
  std::string hint = "splits: train, validation, test";
  if (const auto near = nearest(text, kSplitNames)) {
    hint = "did you mean '" + *near + "'? " + hint;
  }
  throw Error(ErrorKind::usage, "no split '" + text + "'", hint);
}

Dataset::~Dataset() = default;

Batch Dataset::gather(Split split, const at::Tensor& indices) const {
  SHALAB_CHECK(indices.dim() == 1 && indices.scalar_type() == at::kLong,
               "indices must be int64 [B], got " + indices.toString() + " of " +
                   std::to_string(indices.dim()) + " dimensions");
  if (indices.device().is_cpu() && indices.numel() > 0) {
    const auto [low, high] = indices.aminmax();
    const std::int64_t last = high.item<std::int64_t>();
    SHALAB_CHECK(low.item<std::int64_t>() >= 0 && last < size(split),
                 "index " + std::to_string(last) + " of " +
                     std::to_string(size(split)) + " tuples in " +
                     to_string(split));
  }
  const at::NoGradGuard no_grad;
  return do_gather(split, indices);
}

std::optional<at::Tensor> Dataset::exact_log_likelihood(
    const Batch& /*batch*/) const {
  return std::nullopt;
}

}  // namespace shalab
