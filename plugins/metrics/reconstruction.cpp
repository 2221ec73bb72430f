// How well tuples survive the way through the latent: all of x in, all of x
// out. Errors need nothing; shares of right reconstructions need judges.

#include <ATen/ATen.h>

#include "shalab/metric.h"
#include "shalab/nn/measuring.h"

namespace shalab {
namespace {

// One value per tuple, [B]: mean squared error, or share of equal tokens.
at::Tensor compare(ModalityKind kind, const at::Tensor& sample,
                   const at::Tensor& truth) {
  if (kind == ModalityKind::tokens) {
    return (sample == truth).to(at::kDouble).flatten(1).mean(1);
  }
  const at::Tensor error = sample.to(at::kDouble) - truth.to(at::kDouble);
  return error.square().flatten(1).mean(1);
}

class Reconstruction final : public Metric {
 public:
  explicit Reconstruction(MetricContext context)
      : context_(std::move(context)) {
    const auto& judges = context_.judges.judges;
    for (std::size_t m = 0; m < judges.size(); ++m) {
      if (judges[m] != nullptr) judged_.push_back(m);
    }
  }

  std::vector<GenerationTask> tasks() override {
    GenerationTask task;
    task.route = GenerationTask::Route::reconstruction;
    task.num_samples = num_tuples(context_);
    return {task};
  }

  void observe(const Generated& generated) override {
    std::vector<at::Tensor> values;
    for (std::size_t m = 0; m < context_.modalities.size(); ++m) {
      values.push_back(compare(context_.modalities[m].kind,
                               generated.samples[m], generated.truth.data[m]));
    }
    errors_.add(at::stack(values, 1), generated.truth.presence);
    if (generated.truth.labels.defined() && !generated.judgements.empty() &&
        !judged_.empty()) {
      observe_judged(generated);
    }
  }

  std::vector<Measurement> finish() override {
    require_observed(!errors_.empty(), "reconstruction");
    std::vector<Measurement> rows;
    report_errors(rows);
    if (!accuracies_.empty()) report_judged(rows);
    return rows;
  }

 private:
  void observe_judged(const Generated& generated) {
    std::vector<at::Tensor> labels, weights;
    for (const std::size_t m : judged_) {
      labels.push_back(generated.judgements[m].labels);
      weights.push_back(
          generated.truth.presence.select(1, static_cast<std::int64_t>(m)));
    }
    const at::Tensor judged = at::stack(labels, 1);
    const at::Tensor weight = at::stack(weights, 1);
    const at::Tensor hits =
        (judged == generated.truth.labels.unsqueeze(1)) & (judged >= 0);
    accuracies_.add(at::cat({hits, row_means(hits, weight)}, 1),
                    at::cat({weight, weight.any(1, true)}, 1));
    if (context_.judges.complete()) {
      const at::Tensor first = judged.slice(1, 0, 1);
      agreement_.add((judged == first).all(1, true) & (first >= 0),
                     weight.all(1, true));
    }
  }

  void report_errors(std::vector<Measurement>& rows) const {
    const MeasurementForm form{to_string(context_.split), "reconstruction",
                               data_fingerprint(context_)};
    const auto estimates = errors_.estimates();
    for (std::size_t m = 0; m < estimates.size(); ++m) {
      if (estimates[m].count == 0) continue;
      const ModalitySpec& spec = context_.modalities[m];
      rows.push_back(spec.kind == ModalityKind::tokens
                         ? form.row("token_accuracy", estimates[m], "share",
                                    Direction::higher)
                         : form.row("mse", estimates[m], "squared value",
                                    Direction::lower));
      rows.back().target_modality = spec.name;
    }
  }

  void report_judged(std::vector<Measurement>& rows) const {
    const MeasurementForm form{to_string(context_.split), "reconstruction",
                               judged_fingerprint(context_)};
    const auto estimates = accuracies_.estimates();
    for (std::size_t i = 0; i < estimates.size(); ++i) {
      if (estimates[i].count == 0) continue;
      rows.push_back(form.row("reconstruction_accuracy", estimates[i], "share",
                              Direction::higher));
      if (i < judged_.size()) {
        rows.back().target_modality = context_.modalities[judged_[i]].name;
      }
    }
    if (agreement_.empty()) return;
    const Estimate agreement = agreement_.estimates().front();
    if (agreement.count == 0) return;
    rows.push_back(form.row("reconstruction_coherence", agreement, "share",
                            Direction::higher));
  }

  MetricContext context_;
  std::vector<std::size_t> judged_;  // modalities that have a judge
  ColumnMeans errors_;               // by modality
  ColumnMeans accuracies_;           // by judged modality, then their mean
  ColumnMeans agreement_;            // do all judges give one label
};

void declare_fields(FieldList&) {}

std::unique_ptr<Metric> make(const Settings&, const MetricContext& context) {
  return std::make_unique<Reconstruction>(context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1,
              "errors of reconstructions, and the share judged right",
              shalab::declare_fields, shalab::make)
