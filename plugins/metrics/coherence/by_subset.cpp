#include "by_subset.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace shalab {
namespace {

// Means of F columns, by class; then the mean over classes.
class ClassMeans {
 public:
  // values [B, F]; classes [B] in 0 .. C - 1; weights [B, 1] of 0 or 1.
  void add(const at::Tensor& values, const at::Tensor& classes,
           std::int64_t num_classes, const at::Tensor& weights) {
    columns_ = values.size(1);
    const at::Tensor member =
        at::one_hot(classes, num_classes).to(at::kDouble) * weights;  // [B, C]
    const std::vector<std::int64_t> shape{values.size(0), columns_,
                                          num_classes};
    means_.add(values.unsqueeze(2).expand(shape).flatten(1),
               member.unsqueeze(1).expand(shape).flatten(1));
  }

  // By column: mean over the classes that were seen.
  std::vector<Estimate> estimates() const {
    const auto all = means_.estimates();
    const std::size_t classes = all.size() / static_cast<std::size_t>(columns_);
    std::vector<Estimate> result;
    for (std::size_t first = 0; first < all.size(); first += classes) {
      result.push_back(over_classes(&all[first], &all[first] + classes));
    }
    return result;
  }

 private:
  static Estimate over_classes(const Estimate* begin, const Estimate* end) {
    Estimate mean;
    double seen = 0.0, variance = 0.0;
    for (const Estimate* e = begin; e != end; ++e) {
      if (e->count == 0) continue;
      seen += 1.0;
      mean.value += e->value;
      variance += e->standard_error * e->standard_error;
      mean.count += e->count;
    }
    if (seen > 0) mean.value /= seen;
    if (seen > 0) mean.standard_error = std::sqrt(variance) / seen;
    return mean;
  }

  ColumnMeans means_;
  std::int64_t columns_ = 1;
};

// Of the subsets of one size: the sum over them of each tuple's mean over
// targets, and their number. By tuple of the split.
struct SizeTally {
  at::Tensor sums, counts, classes;
};

class BySubset final : public CoherenceProtocol {
 public:
  BySubset(MetricContext context, std::vector<std::size_t> sizes)
      : CoherenceProtocol(std::move(context), "multivae"),
        sizes_(std::move(sizes)) {}

 private:
  std::vector<ModalitySubset> sources() const override;
  void observe_conditional(const Generated& generated) override;
  bool observed_conditional() const override { return !given_.empty(); }
  void report_conditional(std::vector<Measurement>& rows) const override;
  void tally(std::size_t size, const Batch& truth, const at::Tensor& cross,
             const at::Tensor& weight);
  void report_subset(ModalitySubset source, const ClassMeans& means,
                     std::vector<Measurement>& rows) const;
  void report_size(std::size_t size, std::vector<Measurement>& rows) const;
  bool wanted(std::size_t size) const {
    return size > 0 && size < context().modalities.size() &&
           (sizes_.empty() || std::ranges::find(sizes_, size) != sizes_.end());
  }

  std::vector<std::size_t> sizes_;
  std::map<ModalitySubset, ClassMeans> given_;  // targets; then their mean
  std::map<std::size_t, SizeTally> by_size_;
};

std::vector<ModalitySubset> BySubset::sources() const {
  std::vector<ModalitySubset> result;
  const auto end = ModalitySubset::all(context().modalities.size()).bits();
  for (std::uint64_t bits = 1; bits < end; ++bits) {
    ModalitySubset source;
    for (std::size_t m = 0; m < context().modalities.size(); ++m) {
      if ((bits >> m) & 1U) source = source.with(m);
    }
    if (wanted(source.size())) result.push_back(source);
  }
  std::ranges::stable_sort(result, {}, &ModalitySubset::size);
  return result;
}

void BySubset::observe_conditional(const Generated& generated) {
  const ModalitySubset source = generated.task->source;
  const Batch& truth = generated.truth;
  const at::Tensor hits = judged_right(generated);  // [B, M]
  std::vector<std::int64_t> inside, outside;
  for (std::int64_t m = 0; m < hits.size(1); ++m) {
    (source.contains(static_cast<std::size_t>(m)) ? inside : outside)
        .push_back(m);
  }
  const auto pick = [&](const at::Tensor& of, std::vector<std::int64_t> which) {
    return of.index_select(1, at::tensor(which, of.options().dtype(at::kLong)));
  };
  const at::Tensor cross = pick(hits, outside).mean(1, true);
  const at::Tensor weight =
      pick(truth.presence, inside).all(1, true).to(at::kDouble);
  given_[source].add(at::cat({hits, cross}, 1), truth.labels,
                     context().dataset->num_classes(), weight);
  tally(source.size(), truth, cross.squeeze(1), weight.squeeze(1));
}

void BySubset::tally(std::size_t size, const Batch& truth,
                     const at::Tensor& cross, const at::Tensor& weight) {
  SizeTally& tally = by_size_[size];
  if (!tally.sums.defined()) {
    tally.sums =
        at::zeros({context().dataset->size(context().split)}, cross.options());
    tally.counts = at::zeros_like(tally.sums);
    tally.classes = at::zeros_like(tally.sums, at::kLong);
  }
  tally.sums = tally.sums.index_add(0, truth.ids, cross * weight);
  tally.counts = tally.counts.index_add(0, truth.ids, weight);
  tally.classes.index_copy_(0, truth.ids, truth.labels);
}

void BySubset::report_conditional(std::vector<Measurement>& rows) const {
  for (const auto& [source, means] : given_) {
    report_subset(source, means, rows);
  }
  std::map<std::size_t, std::size_t> seen, asked;
  for (const auto& [source, means] : given_) ++seen[source.size()];
  for (const ModalitySubset source : sources()) ++asked[source.size()];
  for (const auto& [size, number] : asked) {
    if (seen[size] == number) report_size(size, rows);
  }
}

void BySubset::report_subset(ModalitySubset source, const ClassMeans& means,
                             std::vector<Measurement>& rows) const {
  const auto& modalities = context().modalities;
  const auto estimates = means.estimates();
  const std::string given = source.text(modalities);
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    if (source.contains(m)) continue;
    push(rows, "conditional_coherence", estimates[m], given,
         modalities[m].name);
  }
  push(rows, "conditional_coherence", estimates.back(), given, "");
}

void BySubset::report_size(std::size_t size,
                           std::vector<Measurement>& rows) const {
  const SizeTally& tally = by_size_.at(size);
  ClassMeans tuples;
  tuples.add((tally.sums / tally.counts.clamp_min(1)).unsqueeze(1),
             tally.classes, context().dataset->num_classes(),
             (tally.counts > 0).to(at::kDouble).unsqueeze(1));
  Estimate mean = tuples.estimates().front();
  mean.value = 0.0;
  double subsets = 0.0;
  for (const auto& [source, means] : given_) {
    if (source.size() != size) continue;
    const Estimate own = means.estimates().back();
    if (own.count == 0) return;
    mean.value += own.value;
    subsets += 1.0;
  }
  mean.value /= subsets;
  push(rows, "conditional_coherence", mean, sources_of_size(size), "");
}

}  // namespace

std::unique_ptr<CoherenceProtocol> coherence_by_subset(
    MetricContext context, std::vector<std::size_t> sizes) {
  return std::make_unique<BySubset>(std::move(context), std::move(sizes));
}

}  // namespace shalab
