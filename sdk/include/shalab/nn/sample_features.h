#pragma once
// Where metrics of sample quality take their features from.

#include <cstdint>
#include <memory>
#include <string>

#include "shalab/fields.h"
#include "shalab/metric.h"

namespace shalab {

// Features of real and generated samples, by modality.
class SampleFeatures {
 public:
  virtual ~SampleFeatures();

  // Error(data) with the cure where no modality has features here, or where
  // the extractor's weights are missing. For tasks().
  virtual void require() = 0;
  // Has modality `m` features?
  virtual bool serves(std::size_t m) const = 0;
  // x as in Batch::data; float [B, F], undefined where there are none.
  virtual at::Tensor of_real(std::size_t m, const at::Tensor& x) = 0;
  // Of generated.samples[m]; [B, F], undefined where there are none.
  virtual at::Tensor of_generated(std::size_t m,
                                  const Generated& generated) = 0;
  // Part of a protocol: "judge", "inception resize=pytorch_fid",
  // "mobilenet_v2".
  virtual std::string label() const = 0;
  // "judges=<12 hex> data=<12 hex>", "inception=<12 hex> data=<12 hex>", ...
  virtual std::string fingerprint() const = 0;
  // The features of FID: distances of them go by its names.
  virtual bool is_inception() const = 0;
  // F of one network for all modalities; 0: each judge has its own.
  virtual std::int64_t num_features() const = 0;
};

// Keys extractor, inception_weights, inception_resize and mobilenet_weights.
void declare_extractor_fields(FieldList& fields);

// As `settings` say, for the metric called `metric`. Nothing is read before
// require() or the first features. Metrics of one process share one network,
// and the features it gave of samples that are still alive.
std::unique_ptr<SampleFeatures> make_sample_features(
    const Settings& settings, const MetricContext& context,
    const std::string& metric);

}  // namespace shalab
