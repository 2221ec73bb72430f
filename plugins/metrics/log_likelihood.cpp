// log p(x) of whole tuples by importance sampling from q(z | X):
//   log p(x) ~ logsumexp_k(log w_k) - log K,  log w = log p(x, z) - log q(z|x)
// a lower bound in expectation, tighter as K grows (Burda et al. 2016). Where
// the data come from a known model, the truth on the same tuples is beside it.

#include <ATen/ATen.h>

#include <cmath>

#include "shalab/error.h"
#include "shalab/metric.h"
#include "shalab/nn/measuring.h"

namespace shalab {
namespace {

class LogLikelihood final : public Metric {
 public:
  LogLikelihood(const Settings& settings, MetricContext context)
      : context_(std::move(context)),
        num_samples_(settings.integer("importance_samples")) {}

  std::vector<GenerationTask> tasks() override {
    GenerationTask task;
    task.route = GenerationTask::Route::importance;
    task.num_samples = num_tuples(context_);
    task.num_importance_samples = num_samples_;
    return {task};
  }

  void observe(const Generated& generated) override {
    const at::Tensor log_weights = generated.log_weights.to(at::kDouble);
    const at::Tensor estimate =
        log_weights.logsumexp(0) - std::log(static_cast<double>(num_samples_));
    const auto exact = context_.dataset->exact_log_likelihood(generated.truth);
    if (!exact) {
      means_.add(estimate.unsqueeze(1));
      return;
    }
    const at::Tensor truth = exact->to(estimate.options());
    means_.add(at::stack({estimate, truth, truth - estimate}, 1));
  }

  std::vector<Measurement> finish() override {
    require_observed(!means_.empty(), "log_likelihood");
    const MeasurementForm form{to_string(context_.split),
                               "importance K=" + std::to_string(num_samples_),
                               data_fingerprint(context_)};
    const auto estimates = means_.estimates();
    require_finite(estimates.front().value);
    std::vector<Measurement> rows{
        form.row("log_likelihood", estimates[0], "nats", Direction::higher)};
    if (estimates.size() == 3) {
      rows.push_back(form.row("exact_log_likelihood", estimates[1], "nats",
                              Direction::none));
      rows.push_back(form.row("log_likelihood_gap", estimates[2], "nats",
                              Direction::lower));
    }
    return rows;
  }

 private:
  static void require_finite(double value) {
    if (std::isfinite(value)) return;
    throw Error(ErrorKind::run, "the log-likelihood of a tuple is not finite",
                "look at the likelihood scales and at `shalab sample`");
  }

  MetricContext context_;
  std::int64_t num_samples_;
  ColumnMeans means_;  // estimate, or estimate, exact, gap
};

void declare_fields(FieldList& fields) {
  fields
      .integer(
          "importance_samples", 64,
          "K, draws of q(z | X) per tuple; the bound is tighter as K grows")
      .at_least(1)
      .after_training();
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  return std::make_unique<LogLikelihood>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1, "log p(x) by importance sampling from q(z | X)",
              shalab::declare_fields, shalab::make)
