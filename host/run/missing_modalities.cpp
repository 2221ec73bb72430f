#include "run/missing_modalities.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

constexpr double kAbsent = -1.0;

at::Tensor uniform(std::int64_t size, std::uint64_t seed,
                   const std::string& purpose) {
  auto generator = make_generator(seed, "missing/" + purpose);
  return at::empty({size}, at::kFloat).uniform_(0, 1, generator);
}

at::Tensor scores_of(const Dataset& dataset, Split split, std::uint64_t seed) {
  std::vector<at::Tensor> columns;
  for (const auto& modality : dataset.modalities()) {
    columns.push_back(uniform(dataset.size(split), seed,
                              to_string(split) + "/" + modality.name));
  }
  return at::stack(columns, 1);
}

// x [B, ...] with zeros where `is_present` [B] is false.
at::Tensor hidden(const at::Tensor& x, const at::Tensor& is_present) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  return at::where(is_present.view(shape), x, 0);
}

}  // namespace

MissingModalities::MissingModalities(std::unique_ptr<Dataset> inner,
                                     const MissingOptions& options,
                                     std::uint64_t seed)
    : inner_(std::move(inner)), options_(options), seed_(seed) {
  SHALAB_CHECK(options.rate >= 0 && options.rate <= 1,
               "a share of " + std::to_string(options.rate));
  scores_[0] = scores_of(*inner_, Split::train, seed);
  if (!options.in_all_splits) return;
  scores_[1] = scores_of(*inner_, Split::validation, seed);
  scores_[2] = scores_of(*inner_, Split::test, seed);
}

at::Tensor MissingModalities::kept(const at::Tensor& scores,
                                   const at::Tensor& presence) const {
  const auto known = at::where(presence, scores, kAbsent);
  const auto is_kept = known >= options_.rate;
  const auto is_largest = known == known.amax(1, true);
  return presence & (is_kept | is_largest);
}

Batch MissingModalities::do_gather(Split split,
                                   const at::Tensor& indices) const {
  Batch batch = inner_->gather(split, indices);
  const auto& all = scores(split);
  if (!all.defined()) return batch;
  batch.presence = kept(all.index_select(0, indices), batch.presence);
  for (std::size_t m = 0; m < batch.data.size(); ++m) {
    batch.data[m] = hidden(
        batch.data[m], batch.presence.select(1, static_cast<std::int64_t>(m)));
  }
  return batch;
}

std::set<ModalitySubset> MissingModalities::subsets(Split split) const {
  const auto count = modalities().size();
  const auto& all = scores(split);
  if (!all.defined()) return {ModalitySubset::all(count)};
  const auto rows = kept(all, at::ones_like(all, at::kBool)).cpu().contiguous();
  const bool* present = rows.const_data_ptr<bool>();
  std::set<ModalitySubset> found;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    ModalitySubset subset;
    for (std::size_t m = 0; m < count; ++m) {
      if (*present++) subset = subset.with(m);
    }
    found.insert(subset);
  }
  return found;
}

void MissingModalities::to(c10::Device device) {
  inner_->to(device);
  for (auto& scores : scores_) {
    if (scores.defined()) scores = scores.to(device);
  }
}

std::string MissingModalities::fingerprint() const {
  if (!options_.in_all_splits) return inner_->fingerprint();
  return inner_->fingerprint() + " missing=" + to_text(options_.rate) +
         " seed=" + std::to_string(seed_);
}

std::optional<at::Tensor> MissingModalities::exact_log_likelihood(
    const Batch& batch) const {
  if (options_.in_all_splits) return std::nullopt;
  return inner_->exact_log_likelihood(batch);
}

}  // namespace shalab
