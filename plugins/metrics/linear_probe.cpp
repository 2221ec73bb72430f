// What a linear classifier reads of the class in the latents of a frozen model
// (latent classification of MVAE, MMVAE, MoPoE): logistic regression fitted to
// some tuples of the measured split and measured on its others, so neither the
// model nor the probe is measured on what it was trained on.
//   linear_probe  given x_S: accuracy on one draw of z given x_S (of the latent
//                 source: the posterior, or a conditional prior); the mean
//                 over all subsets of one size (source "one", "two", ...)
//                 given all of x, source "": on the mean of q(z | X)
// Published probes differ: MoPoE fits to posterior means of 500 training
// tuples, MMVAE+ to draws of all training tuples. A metric is handed no latents
// of the training split and no means by subset.

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "shalab/error.h"
#include "shalab/metric.h"
#include "shalab/nn/logistic_regression.h"
#include "shalab/nn/measuring.h"
#include "shalab/random.h"

namespace shalab {
namespace {

using Route = GenerationTask::Route;

constexpr std::size_t kMostModalities = 20;

// The latents of one source, in the order they came.
struct Seen {
  std::vector<at::Tensor> latents, labels, ids;
};

class LinearProbe final : public Metric {
 public:
  LinearProbe(const Settings& settings, MetricContext context,
              std::vector<std::size_t> sizes)
      : context_(std::move(context)),
        sizes_(std::move(sizes)),
        fit_tuples_(settings.integer("fit_tuples")),
        inverse_penalty_(settings.real("inverse_penalty")),
        seed_(static_cast<std::uint64_t>(settings.integer("seed"))) {}

  std::vector<GenerationTask> tasks() override;
  void observe(const Generated& generated) override;
  std::vector<Measurement> finish() override;

 private:
  std::vector<ModalitySubset> sources() const;
  // At most half of the tuples.
  std::int64_t num_fitted() const {
    return std::min(fit_tuples_, num_tuples(context_) / 2);
  }
  // bool by tuple of the split: is the probe fitted to it.
  at::Tensor fitted_tuples() const;
  Estimate accuracy(const Seen& seen) const;
  Measurement row(const Estimate& estimate, const std::string& source) const;
  void report_sizes(const std::map<ModalitySubset, Estimate>& found,
                    std::vector<Measurement>& rows) const;

  MetricContext context_;
  std::vector<std::size_t> sizes_;
  std::int64_t fit_tuples_;
  double inverse_penalty_;
  std::uint64_t seed_;
  std::map<ModalitySubset, Seen> seen_;  // the empty subset: means given all
};

std::vector<ModalitySubset> LinearProbe::sources() const {
  const std::size_t count = context_.modalities.size();
  std::vector<ModalitySubset> result;
  for (std::uint64_t bits = 1; bits <= ModalitySubset::all(count).bits();
       ++bits) {
    ModalitySubset source;
    for (std::size_t m = 0; m < count; ++m) {
      if ((bits >> m) & 1U) source = source.with(m);
    }
    if (sizes_.empty() || std::ranges::count(sizes_, source.size()) > 0) {
      result.push_back(source);
    }
  }
  std::ranges::stable_sort(result, {}, &ModalitySubset::size);
  return result;
}

std::vector<GenerationTask> LinearProbe::tasks() {
  if (context_.dataset->num_classes() < 2) {
    throw Error(ErrorKind::data, "metric 'linear_probe' needs labelled data",
                "remove the metric with ~metric.linear_probe");
  }
  std::vector<GenerationTask> result(1);
  result.front().route = Route::reconstruction;
  result.front().num_samples = num_tuples(context_);
  for (const ModalitySubset source : sources()) {
    GenerationTask task;
    task.route = Route::conditional;
    task.source = source;
    task.num_samples = num_tuples(context_);
    result.push_back(task);
  }
  return result;
}

void LinearProbe::observe(const Generated& generated) {
  Seen& seen = seen_[generated.task->source];
  seen.latents.push_back(generated.latents.detach().to(at::kCPU, at::kFloat));
  seen.labels.push_back(generated.truth.labels.cpu());
  seen.ids.push_back(generated.truth.ids.cpu());
}

at::Tensor LinearProbe::fitted_tuples() const {
  at::Generator generator = make_generator(seed_, "linear_probe/fit");
  const std::int64_t count = num_tuples(context_);
  const at::Tensor order =
      at::randperm(count, generator, at::TensorOptions(at::kLong));
  at::Tensor result = at::zeros({count}, at::kBool);
  return result.index_fill_(0, order.slice(0, 0, num_fitted()), true);
}

Estimate LinearProbe::accuracy(const Seen& seen) const {
  const at::Tensor ids = at::cat(seen.ids);
  const at::Tensor order = ids.argsort();
  const at::Tensor is_fitted =
      fitted_tuples().index_select(0, ids.index_select(0, order));
  const at::Tensor fit_rows =
      order.index_select(0, is_fitted.nonzero().squeeze(1));
  const at::Tensor other_rows =
      order.index_select(0, is_fitted.logical_not().nonzero().squeeze(1));
  if (fit_rows.size(0) < 2 || other_rows.size(0) < 1) {
    throw Error(ErrorKind::run,
                "metric 'linear_probe' has " + std::to_string(ids.size(0)) +
                    " tuples to divide, too few",
                "raise evaluate.max_samples");
  }
  const at::Tensor latents = at::cat(seen.latents);
  const at::Tensor labels = at::cat(seen.labels);
  const LinearClassifier probe = fit_logistic_regression(
      latents.index_select(0, fit_rows), labels.index_select(0, fit_rows),
      context_.dataset->num_classes(), inverse_penalty_);
  ColumnMeans hits;
  hits.add((probe.classes(latents.index_select(0, other_rows)) ==
            labels.index_select(0, other_rows))
               .unsqueeze(1));
  return hits.estimates().front();
}

Measurement LinearProbe::row(const Estimate& estimate,
                             const std::string& source) const {
  const MeasurementForm form{
      to_string(context_.split),
      "logistic fit=" + std::to_string(num_fitted()) + " C=" +
          to_text(inverse_penalty_) + (source.empty() ? " mean" : " draw"),
      data_fingerprint(context_) + " seed=" + std::to_string(seed_)};
  Measurement result =
      form.row("linear_probe", estimate, "share", Direction::higher);
  result.source_subset = source;
  return result;
}

std::vector<Measurement> LinearProbe::finish() {
  require_observed(!seen_.empty(), "linear_probe");
  std::map<ModalitySubset, Estimate> found;
  std::vector<Measurement> rows;
  for (const auto& [source, seen] : seen_) {
    found[source] = accuracy(seen);
    rows.push_back(row(found[source], source.text(context_.modalities)));
  }
  report_sizes(found, rows);
  return rows;
}

void LinearProbe::report_sizes(const std::map<ModalitySubset, Estimate>& found,
                               std::vector<Measurement>& rows) const {
  std::map<std::size_t, std::vector<ModalitySubset>> by_size;
  for (const ModalitySubset source : sources()) {
    by_size[source.size()].push_back(source);
  }
  for (const auto& [size, subsets] : by_size) {
    Estimate mean;
    const bool all_seen = std::ranges::all_of(
        subsets, [&](ModalitySubset source) { return found.contains(source); });
    if (!all_seen || size == context_.modalities.size()) continue;
    for (const ModalitySubset source : subsets) {
      mean.value +=
          found.at(source).value / static_cast<double>(subsets.size());
      mean.count = found.at(source).count;
    }
    rows.push_back(row(mean, sources_of_size(size)));
  }
}

std::size_t size_from(const std::string& text, std::size_t num_modalities) {
  std::size_t size = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, size);
  if (parsed.ec != std::errc() || parsed.ptr != end || size < 1 ||
      size > num_modalities) {
    throw Error(
        ErrorKind::usage,
        "source_sizes of metric 'linear_probe': '" + text +
            "' is no number of source modalities here",
        "give whole numbers from 1 to " + std::to_string(num_modalities));
  }
  return size;
}

void declare_fields(FieldList& fields) {
  fields
      .list("source_sizes", {},
            "numbers of source modalities to measure; empty = 1 to all")
      .after_training();
  fields
      .integer("fit_tuples", 500,
               "tuples of the split to fit the probe to, at most half of them; "
               "it is measured on the others")
      .at_least(2)
      .after_training();
  fields
      .real("inverse_penalty", 1.0,
            "C of the logistic regression: a larger one penalises less")
      .more_than(0)
      .after_training();
  fields.integer("seed", 0, "which tuples the probe is fitted to")
      .at_least(0)
      .after_training();
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  if (context.modalities.size() > kMostModalities) {
    throw Error(ErrorKind::usage,
                "metric 'linear_probe' looks at every subset: of at most " +
                    std::to_string(kMostModalities) + " modalities",
                "remove the metric with ~metric.linear_probe");
  }
  std::vector<std::size_t> sizes;
  for (const std::string& text : settings.list("source_sizes")) {
    sizes.push_back(size_from(text, context.modalities.size()));
  }
  return std::make_unique<LinearProbe>(settings, context, sizes);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1, "accuracy of a linear classifier on latents by subset",
              shalab::declare_fields, shalab::make)
