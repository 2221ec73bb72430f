// PSNR and SSIM of the images that were not given, drawn from those that were
// (novel view synthesis), beside two trivial answers to the same question.

#include <ATen/ATen.h>

#include <array>
#include <map>

#include "shalab/error.h"
#include "shalab/metric.h"
#include "shalab/nn/image_quality.h"
#include "shalab/nn/measuring.h"

namespace shalab {
namespace {

constexpr std::int64_t kTuplesAtOnce = 500;

struct Quality {
  const char* name;
  const char* unit;
  const char* protocol;
  at::Tensor (*compare)(const at::Tensor&, const at::Tensor&);
};

at::Tensor bounded_psnr(const at::Tensor& x, const at::Tensor& y) {
  return psnr(x, y).clamp_max(kPsnrCap);
}

constexpr std::array kQualities{
    Quality{"psnr", "dB", "unseen range=1 cap=100", bounded_psnr},
    Quality{"ssim", "similarity",
            "unseen range=1 gaussian=1.5 window=11 population", ssim}};
// What is compared with the truth; the last two are the trivial answers.
constexpr std::array kAnswers{"conditional_", "mean_image_", "repeated_image_"};

using ByQuality = std::array<ColumnMeans, kQualities.size()>;

bool fits_window(const ModalitySpec& spec) {
  return spec.shape[1] >= kSsimWindow && spec.shape[2] >= kSsimWindow;
}

class NovelViews final : public Metric {
 public:
  NovelViews(const Settings& settings, MetricContext context)
      : context_(std::move(context)) {
    for (std::size_t m = 0; m < context_.modalities.size(); ++m) {
      const ModalitySpec& spec = context_.modalities[m];
      if (spec.kind == ModalityKind::image && fits_window(spec)) {
        images_.push_back(m);
      }
    }
    if (images_.size() < 2) return;
    for (const std::string& given : settings.list("given")) add_given(given);
  }

  std::vector<GenerationTask> tasks() override {
    if (images_.size() < 2) {
      throw Error(ErrorKind::usage,
                  "metric 'novel_views' draws one image from another: it needs "
                  "two image modalities of at least 11 x 11",
                  "remove it with ~metric.novel_views");
    }
    std::vector<GenerationTask> tasks;
    for (const ModalitySubset& source : sources_) {
      tasks.push_back(
          {GenerationTask::Route::conditional, source, num_tuples(context_)});
    }
    return tasks;
  }

  void observe(const Generated& generated) override {
    const ModalitySubset source = generated.task->source;
    const auto targets = targets_of(source);
    const Batch& truth = generated.truth;
    if (mean_image_.empty()) set_mean_images(truth.presence.device());
    auto& scores = scores_[source];
    for (std::size_t q = 0; q < kQualities.size(); ++q) {
      const auto compare = kQualities[q].compare;
      add(scores[0][q], targets, truth, source, [&](std::size_t t) {
        return compare(generated.samples[t], truth.data[t]);
      });
      add(scores[1][q], targets, truth, source, [&](std::size_t t) {
        return compare(mean_image_[t].expand_as(truth.data[t]), truth.data[t]);
      });
      if (!can_repeat(source, targets)) continue;
      add(scores[2][q], targets, truth, source,
          [&](std::size_t t) { return repeated(compare, truth, source, t); });
    }
  }

  std::vector<Measurement> finish() override {
    require_observed(!scores_.empty(), "novel_views");
    std::vector<Measurement> rows;
    for (std::size_t a = 0; a < kAnswers.size(); ++a) {
      for (std::size_t q = 0; q < kQualities.size(); ++q) report(a, q, rows);
    }
    return rows;
  }

 private:
  void add_given(const std::string& given) {
    if (given != "each") {
      const ModalitySubset source =
          ModalitySubset::parse(given, context_.modalities);
      if (!source.empty() && !targets_of(source).empty()) {
        sources_.push_back(source);
        return;
      }
      throw Error(ErrorKind::usage,
                  "metric novel_views: given = '" + given +
                      "' leaves nothing to draw or nothing to draw it from",
                  "name some of the modalities, as in given = each, v0+v8");
    }
    for (const std::size_t m : images_) {
      sources_.push_back(ModalitySubset::only(m));
    }
  }

  std::vector<std::size_t> targets_of(const ModalitySubset& source) const {
    std::vector<std::size_t> targets;
    for (const std::size_t m : images_) {
      if (!source.contains(m)) targets.push_back(m);
    }
    return targets;
  }

  // The given images that could stand for image t as they are.
  std::vector<std::size_t> alike(const ModalitySubset& source,
                                 std::size_t t) const {
    std::vector<std::size_t> result;
    for (const std::size_t m : images_) {
      if (!source.contains(m)) continue;
      if (context_.modalities[m].shape == context_.modalities[t].shape) {
        result.push_back(m);
      }
    }
    return result;
  }

  bool can_repeat(const ModalitySubset& source,
                  const std::vector<std::size_t>& targets) const {
    for (const std::size_t t : targets) {
      if (alike(source, t).empty()) return false;
    }
    return true;
  }

  template <class Compare>
  at::Tensor repeated(Compare compare, const Batch& truth,
                      const ModalitySubset& source, std::size_t t) const {
    std::vector<at::Tensor> values;
    for (const std::size_t m : alike(source, t)) {
      values.push_back(compare(truth.data[m], truth.data[t]));
    }
    return at::stack(values).mean(0);
  }

  template <class Score>
  static void add(ColumnMeans& means, const std::vector<std::size_t>& targets,
                  const Batch& truth, const ModalitySubset& source,
                  const Score& score) {
    const at::Tensor has_source = given_in(truth, source);
    std::vector<at::Tensor> values, weights;
    for (const std::size_t t : targets) {
      values.push_back(score(t));
      weights.push_back(truth.presence.select(1, static_cast<std::int64_t>(t)));
    }
    const at::Tensor value = at::stack(values, 1);
    const at::Tensor weight = at::stack(weights, 1).logical_and(has_source);
    means.add(at::cat({value, row_means(value, weight)}, 1),
              at::cat({weight, weight.any(1, true)}, 1));
  }

  // [B, 1]: tuples of which every modality of the source is there.
  static at::Tensor given_in(const Batch& truth, const ModalitySubset& source) {
    at::Tensor all =
        at::ones({truth.presence.size(0), 1}, truth.presence.options());
    for (const std::size_t m : source.indices()) {
      all = all.logical_and(truth.presence.slice(
          1, static_cast<std::int64_t>(m), static_cast<std::int64_t>(m) + 1));
    }
    return all;
  }

  // Of the measured tuples themselves: no constant image has a smaller error.
  void set_mean_images(c10::Device device) {
    std::vector<at::Tensor> sums(context_.modalities.size());
    std::vector<at::Tensor> counts(context_.modalities.size());
    const std::int64_t count = num_tuples(context_);
    for (std::int64_t first = 0; first < count; first += kTuplesAtOnce) {
      const at::Tensor indices =
          at::arange(first, std::min(count, first + kTuplesAtOnce),
                     at::TensorOptions(at::kLong).device(device));
      const Batch batch = context_.dataset->gather(context_.split, indices);
      for (const std::size_t m : images_) {
        const at::Tensor present =
            batch.presence.select(1, static_cast<std::int64_t>(m));
        const at::Tensor images =
            batch.data[m].index({present}).to(at::kDouble);
        const at::Tensor sum = images.sum(0, true);
        sums[m] = sums[m].defined() ? sums[m] + sum : sum;
        counts[m] =
            counts[m].defined() ? counts[m] + present.sum() : present.sum();
      }
    }
    mean_image_.resize(sums.size());
    for (const std::size_t m : images_) {
      mean_image_[m] = sums[m] / counts[m].clamp_min(1);
    }
  }

  void report(std::size_t answer, std::size_t quality,
              std::vector<Measurement>& rows) const {
    Estimate mean;
    std::size_t num_single = 0;
    for (const auto& [source, scores] : scores_) {
      const ColumnMeans& means = scores[answer][quality];
      if (means.empty()) continue;
      const auto estimates = means.estimates();
      const auto targets = targets_of(source);
      for (std::size_t i = 0; answer == 0 && i < targets.size(); ++i) {
        push(rows, answer, quality, estimates[i], source).target_modality =
            context_.modalities[targets[i]].name;
      }
      push(rows, answer, quality, estimates.back(), source);
      if (source.size() != 1) continue;
      mean.value += estimates.back().value;
      mean.count = estimates.back().count;
      ++num_single;
    }
    if (num_single != images_.size()) return;
    mean.value /= static_cast<double>(num_single);
    push(rows, answer, quality, mean, {}).source_subset = sources_of_size(1);
  }

  Measurement& push(std::vector<Measurement>& rows, std::size_t answer,
                    std::size_t quality, const Estimate& estimate,
                    const ModalitySubset& source) const {
    const Quality& what = kQualities[quality];
    const MeasurementForm form{to_string(context_.split), what.protocol,
                               data_fingerprint(context_)};
    rows.push_back(form.row(std::string(kAnswers[answer]) + what.name, estimate,
                            what.unit, Direction::higher));
    rows.back().source_subset = source.text(context_.modalities);
    return rows.back();
  }

  MetricContext context_;
  std::vector<std::size_t> images_;
  std::vector<ModalitySubset> sources_;
  std::vector<at::Tensor> mean_image_;  // by modality, double [1, C, H, W]
  std::map<ModalitySubset, std::array<ByQuality, kAnswers.size()>> scores_;
};

void declare_fields(FieldList& fields) {
  fields
      .list("given", {"each"},
            "what is given: 'each' image alone, or subsets as in v0, v0+v8; "
            "every other image is drawn and compared")
      .after_training();
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  return std::make_unique<NovelViews>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1,
              "PSNR and SSIM of images drawn from other images (view "
              "synthesis), beside the mean image and a given image repeated",
              shalab::declare_fields, shalab::make)
