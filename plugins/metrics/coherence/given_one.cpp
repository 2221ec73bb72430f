#include "given_one.h"

#include <ATen/ATen.h>

namespace shalab {
namespace {

// Draws given one modality s.
struct SourceTally {
  ColumnMeans means;  // by target; then over targets != s; then over all

  // The mean over targets != s of each tuple, [B].
  at::Tensor observe(const Generated& generated, std::int64_t source) {
    const at::Tensor hits = judged_right(generated);  // [B, M]
    const at::Tensor own = hits.narrow(1, source, 1);
    const at::Tensor sum = hits.sum(1, true);
    const auto targets = static_cast<double>(hits.size(1));
    const at::Tensor cross = (sum - own) / (targets - 1);
    means.add(at::cat({hits, cross, sum / targets}, 1),
              generated.truth.presence.narrow(1, source, 1));
    return cross.squeeze(1);
  }
};

class GivenOne final : public CoherenceProtocol {
 public:
  GivenOne(MetricContext context, bool include_self)
      : CoherenceProtocol(std::move(context), "mmvaeplus"),
        include_self_(include_self) {}

 private:
  std::vector<ModalitySubset> sources() const override;
  void observe_conditional(const Generated& generated) override;
  bool observed_conditional() const override { return !given_.empty(); }
  void report_conditional(std::vector<Measurement>& rows) const override;
  void report_source(std::size_t source, const SourceTally& tally,
                     std::vector<Measurement>& rows) const;
  void report_all_sources(std::vector<Measurement>& rows) const;

  bool include_self_;
  std::map<std::size_t, SourceTally> given_;  // by source modality
  // By tuple of the split: sum over sources of the mean over targets, and the
  // number of sources. For the spread of the overall mean: a tuple's draws
  // from different sources are not independent.
  at::Tensor tuple_sums_, tuple_counts_;
};

std::vector<ModalitySubset> GivenOne::sources() const {
  std::vector<ModalitySubset> result;
  for (std::size_t m = 0; m < context().modalities.size(); ++m) {
    result.push_back(ModalitySubset::only(m));
  }
  return result;
}

void GivenOne::observe_conditional(const Generated& generated) {
  const std::size_t source = generated.task->source.indices().front();
  const at::Tensor cross =
      given_[source].observe(generated, static_cast<std::int64_t>(source));
  if (!tuple_sums_.defined()) {
    tuple_sums_ =
        at::zeros({context().dataset->size(context().split)}, cross.options());
    tuple_counts_ = at::zeros_like(tuple_sums_);
  }
  const Batch& truth = generated.truth;
  const at::Tensor weight =
      truth.presence.select(1, static_cast<std::int64_t>(source))
          .to(at::kDouble);
  tuple_sums_ = tuple_sums_.index_add(0, truth.ids, cross * weight);
  tuple_counts_ = tuple_counts_.index_add(0, truth.ids, weight);
}

void GivenOne::report_conditional(std::vector<Measurement>& rows) const {
  for (const auto& [source, tally] : given_) {
    report_source(source, tally, rows);
  }
  if (given_.size() == context().modalities.size()) report_all_sources(rows);
}

void GivenOne::report_source(std::size_t source, const SourceTally& tally,
                              std::vector<Measurement>& rows) const {
  const auto& modalities = context().modalities;
  const auto estimates = tally.means.estimates();
  const std::string& given = modalities[source].name;
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    if (m != source) {
      push(rows, "conditional_coherence", estimates[m], given,
           modalities[m].name);
    } else if (include_self_) {
      push(rows, "self_coherence", estimates[m], given, given);
    }
  }
  push(rows, "conditional_coherence", estimates[modalities.size()], given, "");
  if (include_self_) {
    push(rows, "conditional_coherence_with_self", estimates.back(), given, "");
  }
}

void GivenOne::report_all_sources(std::vector<Measurement>& rows) const {
  const at::Tensor by_tuple =
      (tuple_sums_ / tuple_counts_.clamp_min(1)).unsqueeze(1);
  ColumnMeans tuples;
  tuples.add(by_tuple, (tuple_counts_ > 0).unsqueeze(1));
  Estimate cross = tuples.estimates().front();
  cross.value = 0.0;
  Estimate with_self{0.0, 0.0, cross.count};
  const auto num_sources = static_cast<double>(given_.size());
  for (const auto& [source, tally] : given_) {
    const auto estimates = tally.means.estimates();
    if (estimates.back().count == 0) return;
    cross.value += estimates[context().modalities.size()].value / num_sources;
    with_self.value += estimates.back().value / num_sources;
  }
  push(rows, "conditional_coherence", cross, "one", "");
  if (include_self_) {
    push(rows, "conditional_coherence_with_self", with_self, "one", "");
  }
}

}  // namespace

std::unique_ptr<CoherenceProtocol> coherence_given_one(MetricContext context,
                                                       bool include_self) {
  return std::make_unique<GivenOne>(std::move(context), include_self);
}

}  // namespace shalab
