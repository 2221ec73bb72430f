// Coherence after MMVAE+ (methods 9.4): do the judges, pretrained classifiers,
// find the intended content in generated samples?
//   joint_coherence        share of joint draws in which all judges give one
//                          equal label
//   conditional_coherence  share of draws given x_s whose modality t != s is
//                          judged to be of the class of the tuple; also its
//                          mean over t (target "") and over all s (source
//                          "one")
// A judgement of -1 (no class) is never right and never agrees.

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "shalab/error.h"
#include "shalab/metric.h"
#include "shalab/nn/measuring.h"

namespace shalab {
namespace {

using Route = GenerationTask::Route;

at::Tensor stacked_labels(const Generated& generated) {
  std::vector<at::Tensor> labels;
  for (const Judgement& judgement : generated.judgements) {
    labels.push_back(judgement.labels);
  }
  return at::stack(labels, 1);
}

// Draws given one modality s.
struct SourceTally {
  ColumnMeans means;  // by target; then over targets != s; then over all

  // The mean over targets != s of each tuple, [B].
  at::Tensor observe(const Generated& generated, std::int64_t source) {
    const at::Tensor judged = stacked_labels(generated);  // [B, M]
    const at::Tensor hits =
        ((judged == generated.truth.labels.unsqueeze(1)) & (judged >= 0))
            .to(at::kDouble);
    const at::Tensor own = hits.narrow(1, source, 1);
    const at::Tensor sum = hits.sum(1, true);
    const auto targets = static_cast<double>(hits.size(1));
    const at::Tensor cross = (sum - own) / (targets - 1);
    means.add(at::cat({hits, cross, sum / targets}, 1),
              generated.truth.presence.narrow(1, source, 1));
    return cross.squeeze(1);
  }
};

class Coherence final : public Metric {
 public:
  Coherence(const Settings& settings, MetricContext context)
      : context_(std::move(context)),
        include_self_(settings.flag("include_self_targets")),
        protocol_(settings.text("protocol")) {}

  std::vector<GenerationTask> tasks() override;
  void observe(const Generated& generated) override;
  std::vector<Measurement> finish() override;

 private:
  void require_judges() const;
  void observe_joint(const Generated& generated);
  void observe_given_one(const Generated& generated);
  void report_joint(std::vector<Measurement>& rows) const;
  void report_source(std::size_t source, const SourceTally& tally,
                     std::vector<Measurement>& rows) const;
  void report_all_sources(std::vector<Measurement>& rows) const;
  void report_judges(std::vector<Measurement>& rows) const;
  void push(std::vector<Measurement>& rows, const std::string& name,
            const Estimate& estimate, const std::string& source,
            const std::string& target) const;

  MetricContext context_;
  bool include_self_;
  std::string protocol_;
  ColumnMeans joint_;        // agreement
  at::Tensor class_counts_;  // [C]: agreeing draws of each class
  std::map<std::size_t, SourceTally> given_;  // by source modality
  // By tuple of the split: sum over sources of the mean over targets, and the
  // number of sources. For the spread of the overall mean: a tuple's draws
  // from different sources are not independent.
  at::Tensor tuple_sums_, tuple_counts_;
};

void Coherence::require_judges() const {
  if (!context_.judges.complete()) {
    throw Error(ErrorKind::data,
                "metric 'coherence' needs a judge for every modality",
                "make them with `shalab judge train DATASET`, or remove the "
                "metric with ~metric.coherence");
  }
  if (context_.modalities.size() < 2) {
    throw Error(ErrorKind::usage,
                "metric 'coherence' needs two modalities or more",
                "remove it with ~metric.coherence");
  }
  if (context_.dataset->num_classes() < 1) {
    throw Error(ErrorKind::data,
                "metric 'coherence' needs labels, this dataset has none",
                "remove it with ~metric.coherence");
  }
}

std::vector<GenerationTask> Coherence::tasks() {
  require_judges();
  std::vector<GenerationTask> result(1);
  result.front().num_samples = num_draws(context_);
  for (std::size_t m = 0; m < context_.modalities.size(); ++m) {
    GenerationTask task;
    task.route = Route::conditional;
    task.source = ModalitySubset::only(m);
    task.num_samples = num_tuples(context_);
    result.push_back(task);
  }
  return result;
}

void Coherence::observe(const Generated& generated) {
  if (generated.task->route == Route::joint) {
    observe_joint(generated);
  } else {
    observe_given_one(generated);
  }
}

void Coherence::observe_joint(const Generated& generated) {
  const at::Tensor judged = stacked_labels(generated);  // [B, M]
  const at::Tensor first = judged.narrow(1, 0, 1);
  const at::Tensor agree = (judged == first).all(1, true) & (first >= 0);
  joint_.add(agree);
  const at::Tensor classes =
      at::arange(context_.dataset->num_classes(), first.options());
  const at::Tensor counts = (agree & (first == classes)).sum(0);
  class_counts_ = class_counts_.defined() ? class_counts_ + counts : counts;
}

void Coherence::observe_given_one(const Generated& generated) {
  const std::size_t source = generated.task->source.indices().front();
  const at::Tensor cross =
      given_[source].observe(generated, static_cast<std::int64_t>(source));
  if (!tuple_sums_.defined()) {
    tuple_sums_ =
        at::zeros({context_.dataset->size(context_.split)}, cross.options());
    tuple_counts_ = at::zeros_like(tuple_sums_);
  }
  const Batch& truth = generated.truth;
  const at::Tensor weight =
      truth.presence.select(1, static_cast<std::int64_t>(source))
          .to(at::kDouble);
  tuple_sums_ = tuple_sums_.index_add(0, truth.ids, cross * weight);
  tuple_counts_ = tuple_counts_.index_add(0, truth.ids, weight);
}

std::vector<Measurement> Coherence::finish() {
  require_observed(!joint_.empty() || !given_.empty(), "coherence");
  std::vector<Measurement> rows;
  if (!joint_.empty()) report_joint(rows);
  for (const auto& [source, tally] : given_) {
    report_source(source, tally, rows);
  }
  if (given_.size() == context_.modalities.size()) report_all_sources(rows);
  report_judges(rows);
  return rows;
}

void Coherence::push(std::vector<Measurement>& rows, const std::string& name,
                     const Estimate& estimate, const std::string& source,
                     const std::string& target) const {
  if (estimate.count == 0) return;
  const MeasurementForm form{to_string(context_.split), protocol_,
                             judged_fingerprint(context_)};
  rows.push_back(form.row(name, estimate, "share", Direction::higher));
  rows.back().source_subset = source;
  rows.back().target_modality = target;
}

void Coherence::report_joint(std::vector<Measurement>& rows) const {
  push(rows, "joint_coherence", joint_.estimates().front(), "", "");
  const at::Tensor counts = class_counts_.cpu();
  const auto agreeing = counts.sum().item<std::int64_t>();
  if (agreeing == 0) return;
  const auto fewest = counts.min().item<std::int64_t>();
  const double share =
      static_cast<double>(fewest) / static_cast<double>(agreeing);
  push(rows, "joint_class_min_share", {share, 0.0, agreeing}, "", "");
}

void Coherence::report_source(std::size_t source, const SourceTally& tally,
                              std::vector<Measurement>& rows) const {
  const auto& modalities = context_.modalities;
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

void Coherence::report_all_sources(std::vector<Measurement>& rows) const {
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
    cross.value += estimates[context_.modalities.size()].value / num_sources;
    with_self.value += estimates.back().value / num_sources;
  }
  push(rows, "conditional_coherence", cross, "one", "");
  if (include_self_) {
    push(rows, "conditional_coherence_with_self", with_self, "one", "");
  }
}

void Coherence::report_judges(std::vector<Measurement>& rows) const {
  const auto& accuracies = context_.judges.accuracies;
  for (std::size_t m = 0; m < accuracies.size(); ++m) {
    if (accuracies[m] < 0) continue;
    const MeasurementForm form{to_string(Split::test), protocol_,
                               judged_fingerprint(context_)};
    rows.push_back(form.row("judge_accuracy", {accuracies[m], 0.0, 0}, "share",
                            Direction::none));
    rows.back().target_modality = context_.modalities[m].name;
  }
}

void declare_fields(FieldList& fields) {
  fields
      .choice("protocol", "mmvaeplus", {"mmvaeplus"},
              "one source modality, one draw per tuple, other modalities as "
              "targets; joint: all judges give one equal label")
      .after_training();
  fields
      .flag("include_self_targets", false,
            "also measure the source modality itself: self_coherence and "
            "conditional_coherence_with_self")
      .after_training();
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  return std::make_unique<Coherence>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1,
              "do judges find the intended class in generated samples",
              shalab::declare_fields, shalab::make)
