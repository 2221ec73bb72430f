#include "shalab/nn/measuring.h"

#include <algorithm>
#include <iterator>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/nn/judges.h"

namespace shalab {
namespace {

constexpr std::size_t kDigits = 12;

std::string short_digest(const std::string& text) {
  return Digest64().add(text).hex().substr(0, kDigits);
}

std::int64_t split_size(const MetricContext& context) {
  SHALAB_CHECK(context.dataset != nullptr, "a metric without a dataset");
  return context.dataset->size(context.split);
}

}  // namespace

std::int64_t num_tuples(const MetricContext& context) {
  const std::int64_t size = split_size(context);
  return context.max_samples > 0 ? std::min(size, context.max_samples) : size;
}

std::int64_t num_draws(const MetricContext& context) {
  return context.max_samples > 0 ? context.max_samples : split_size(context);
}

std::string sources_of_size(std::size_t size) {
  static const char* const words[] = {"one", "two",   "three", "four", "five",
                                      "six", "seven", "eight", "nine"};
  return size <= std::size(words) ? words[size - 1] : std::to_string(size);
}

std::string data_fingerprint(const MetricContext& context) {
  SHALAB_CHECK(context.dataset != nullptr, "a metric without a dataset");
  return "data=" + short_digest(context.dataset->fingerprint());
}

std::string judged_fingerprint(const MetricContext& context) {
  const std::string judges = context.judges.digest();
  const bool drops_out = judges.find(kLegacyDropout) != std::string::npos;
  return "judges=" + short_digest(judges) +
         (drops_out ? " legacy_dropout " : " ") + data_fingerprint(context);
}

Measurement MeasurementForm::row(const std::string& name,
                                 const Estimate& estimate,
                                 const std::string& unit,
                                 Direction direction) const {
  Measurement result;
  result.name = name;
  result.value = estimate.value;
  result.unit = unit;
  result.direction = direction;
  result.split = split;
  result.num_samples = estimate.count;
  result.spread = estimate.standard_error;
  result.protocol = protocol;
  result.fingerprint = fingerprint;
  return result;
}

void require_observed(bool seen, const std::string& metric) {
  if (seen) return;
  throw Error(ErrorKind::run, "metric '" + metric + "' saw no samples",
              "set evaluate.max_samples to at least 1");
}

}  // namespace shalab
