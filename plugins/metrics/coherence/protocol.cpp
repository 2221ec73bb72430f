#include "protocol.h"

#include <ATen/ATen.h>

#include "shalab/error.h"

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

}  // namespace

at::Tensor judged_right(const Generated& generated) {
  const at::Tensor judged = stacked_labels(generated);  // [B, M]
  return ((judged == generated.truth.labels.unsqueeze(1)) & (judged >= 0))
      .to(at::kDouble);
}

void CoherenceProtocol::require_judges() const {
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

std::vector<GenerationTask> CoherenceProtocol::tasks() {
  require_judges();
  std::vector<GenerationTask> result(1);
  result.front().num_samples = num_draws(context_);
  for (const ModalitySubset source : sources()) {
    GenerationTask task;
    task.route = Route::conditional;
    task.source = source;
    task.num_samples = num_tuples(context_);
    result.push_back(task);
  }
  return result;
}

void CoherenceProtocol::observe(const Generated& generated) {
  if (generated.task->route == Route::joint) {
    observe_joint(generated);
  } else {
    observe_conditional(generated);
  }
}

void CoherenceProtocol::observe_joint(const Generated& generated) {
  const at::Tensor judged = stacked_labels(generated);  // [B, M]
  const at::Tensor first = judged.narrow(1, 0, 1);
  const at::Tensor agree = (judged == first).all(1, true) & (first >= 0);
  joint_.add(agree);
  const at::Tensor classes =
      at::arange(context_.dataset->num_classes(), first.options());
  const at::Tensor counts = (agree & (first == classes)).sum(0);
  class_counts_ = class_counts_.defined() ? class_counts_ + counts : counts;
}

std::vector<Measurement> CoherenceProtocol::finish() {
  require_observed(!joint_.empty() || observed_conditional(), "coherence");
  std::vector<Measurement> rows;
  if (!joint_.empty()) report_joint(rows);
  report_conditional(rows);
  report_judges(rows);
  return rows;
}

void CoherenceProtocol::push(std::vector<Measurement>& rows, const std::string& name,
                     const Estimate& estimate, const std::string& source,
                     const std::string& target) const {
  if (estimate.count == 0) return;
  const MeasurementForm form{to_string(context_.split), protocol_,
                             judged_fingerprint(context_)};
  rows.push_back(form.row(name, estimate, "share", Direction::higher));
  rows.back().source_subset = source;
  rows.back().target_modality = target;
}

void CoherenceProtocol::report_joint(std::vector<Measurement>& rows) const {
  push(rows, "joint_coherence", joint_.estimates().front(), "", "");
  const at::Tensor counts = class_counts_.cpu();
  const auto agreeing = counts.sum().item<std::int64_t>();
  if (agreeing == 0) return;
  const auto fewest = counts.min().item<std::int64_t>();
  const double share =
      static_cast<double>(fewest) / static_cast<double>(agreeing);
  push(rows, "joint_class_min_share", {share, 0.0, agreeing}, "", "");
}

void CoherenceProtocol::report_judges(std::vector<Measurement>& rows) const {
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

}  // namespace shalab
