// PSNR and SSIM of the reconstructions of image modalities.

#include <ATen/ATen.h>

#include "shalab/error.h"
#include "shalab/metric.h"
#include "shalab/nn/image_quality.h"
#include "shalab/nn/measuring.h"

namespace shalab {
namespace {

// One figure of merit of every modality that has it, and their mean per tuple.
struct Quality {
  std::string name;
  std::string unit;
  std::string protocol;
  at::Tensor (*compare)(const at::Tensor&, const at::Tensor&);
  std::vector<std::size_t> modalities;
  ColumnMeans means;  // by modality, then their mean

  void observe(const Generated& generated) {
    if (modalities.empty()) return;
    std::vector<at::Tensor> values, weights;
    for (const std::size_t m : modalities) {
      values.push_back(compare(generated.samples[m], generated.truth.data[m]));
      weights.push_back(
          generated.truth.presence.select(1, static_cast<std::int64_t>(m)));
    }
    const at::Tensor value = at::stack(values, 1);
    const at::Tensor weight = at::stack(weights, 1);
    means.add(at::cat({value, row_means(value, weight)}, 1),
              at::cat({weight, weight.any(1, true)}, 1));
  }
};

at::Tensor bounded_psnr(const at::Tensor& x, const at::Tensor& y) {
  return psnr(x, y).clamp_max(kPsnrCap);
}

class PsnrSsim final : public Metric {
 public:
  explicit PsnrSsim(MetricContext context) : context_(std::move(context)) {
    for (std::size_t m = 0; m < context_.modalities.size(); ++m) {
      const ModalitySpec& spec = context_.modalities[m];
      if (spec.kind != ModalityKind::image) continue;
      psnr_.modalities.push_back(m);
      if (spec.shape[1] >= kSsimWindow && spec.shape[2] >= kSsimWindow) {
        ssim_.modalities.push_back(m);
      }
    }
  }

  std::vector<GenerationTask> tasks() override {
    if (psnr_.modalities.empty()) {
      throw Error(ErrorKind::usage,
                  "metric 'psnr_ssim' needs an image modality, this dataset "
                  "has none",
                  "remove it with ~metric.psnr_ssim; [metric.reconstruction] "
                  "compares tokens and vectors");
    }
    GenerationTask task;
    task.route = GenerationTask::Route::reconstruction;
    task.num_samples = num_tuples(context_);
    return {task};
  }

  void observe(const Generated& generated) override {
    psnr_.observe(generated);
    ssim_.observe(generated);
  }

  std::vector<Measurement> finish() override {
    require_observed(!psnr_.means.empty(), "psnr_ssim");
    std::vector<Measurement> rows;
    report(psnr_, rows);
    report(ssim_, rows);
    return rows;
  }

 private:
  void report(const Quality& quality, std::vector<Measurement>& rows) const {
    if (quality.means.empty()) return;
    const MeasurementForm form{to_string(context_.split), quality.protocol,
                               data_fingerprint(context_)};
    const auto estimates = quality.means.estimates();
    for (std::size_t i = 0; i < estimates.size(); ++i) {
      if (estimates[i].count == 0) continue;
      rows.push_back(form.row(quality.name, estimates[i], quality.unit,
                              Direction::higher));
      if (i < quality.modalities.size()) {
        rows.back().target_modality =
            context_.modalities[quality.modalities[i]].name;
      }
    }
  }

  MetricContext context_;
  Quality psnr_{"psnr",       "dB", "reconstruction range=1 cap=100",
                bounded_psnr, {},   {}};
  Quality ssim_{"ssim",
                "similarity",
                "reconstruction range=1 gaussian=1.5 window=11 population",
                ssim,
                {},
                {}};
};

void declare_fields(FieldList&) {}

std::unique_ptr<Metric> make(const Settings&, const MetricContext& context) {
  return std::make_unique<PsnrSsim>(context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1, "PSNR and SSIM of reconstructed images",
              shalab::declare_fields, shalab::make)
