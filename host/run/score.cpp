#include "run/score.h"

#include <ATen/ATen.h>

#include <cmath>
#include <map>

#include "run/score_input.h"
#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/fields.h"
#include "shalab/nn/feature_metric.h"
#include "shalab/nn/image_quality.h"
#include "shalab/nn/kernel_distance.h"
#include "shalab/nn/measuring.h"
#include "shalab/nn/precision_recall.h"
#include "shalab/nn/statistics.h"
#include "shalab/random.h"

namespace shalab {

namespace {

using Rows = std::vector<Measurement>;

constexpr std::size_t kDigits = 12;
constexpr std::uint64_t kSeed = 0;  // the default of the plugins

std::string sizes_text(const at::Tensor& x) {
  std::string text;
  for (const std::int64_t size : x.sizes()) {
    text += (text.empty() ? "[" : ", ") + std::to_string(size);
  }
  return text.empty() ? "[]" : text + "]";
}

void require_pairs(const ScoreInput& real, const ScoreInput& generated) {
  if (real.size() == generated.size()) return;
  throw Error(ErrorKind::usage,
              std::to_string(real.size()) + " real and " +
                  std::to_string(generated.size()) + " generated samples",
              "this metric compares pairs: give as many of both, in the same "
              "order");
}

void require_equal_shape(const at::Tensor& x, const at::Tensor& y,
                         const ScoreInput& real, const ScoreInput& generated,
                         std::int64_t i) {
  if (x.sizes() == y.sizes()) return;
  throw Error(ErrorKind::usage,
              real.name(i) + " is " + sizes_text(x) + ", " + generated.name(i) +
                  " is " + sizes_text(y),
              "both of a pair need one size");
}

void add_to(Digest64& digest, const at::Tensor& x) {
  const at::Tensor bytes = x.contiguous();
  digest.add(bytes.const_data_ptr(), bytes.nbytes());
}

MeasurementForm form_of(const std::string& protocol, const Digest64& digest) {
  return {"", protocol, "data=" + digest.hex().substr(0, kDigits)};
}

Rows score_psnr_ssim(const ScoreInput& real, const ScoreInput& generated) {
  require_pairs(real, generated);
  ColumnMeans decibels, similarities;
  Digest64 digest;
  for (std::int64_t i = 0; i < real.size(); ++i) {
    const at::Tensor x = real.picture(i);
    const at::Tensor y = generated.picture(i);
    require_equal_shape(x, y, real, generated, i);
    add_to(digest, x);
    decibels.add(psnr(x, y).clamp_max(kPsnrCap).unsqueeze(1));
    similarities.add(ssim(x, y).unsqueeze(1));
  }
  const MeasurementForm psnr_form = form_of("pairs range=1 cap=100", digest);
  const MeasurementForm ssim_form =
      form_of("pairs range=1 gaussian=1.5 window=11 population", digest);
  return {psnr_form.row("psnr", decibels.estimates().front(), "dB",
                        Direction::higher),
          ssim_form.row("ssim", similarities.estimates().front(), "similarity",
                        Direction::higher)};
}

bool holds_tokens(const ScoreInput& input) {
  return !input.is_folder() &&
         at::isIntegralType(input.array().scalar_type(), true) &&
         input.array().scalar_type() != at::kByte;
}

at::Tensor scaled(const at::Tensor& x) {
  return x.scalar_type() == at::kByte ? x.to(at::kDouble) / 255.0
                                      : x.to(at::kDouble);
}

Rows score_reconstruction(const ScoreInput& real, const ScoreInput& generated) {
  require_pairs(real, generated);
  const bool tokens = holds_tokens(real);
  if (tokens != holds_tokens(generated)) {
    throw Error(ErrorKind::usage, "one side holds integers, the other values",
                "save both in one type");
  }
  ColumnMeans means;
  Digest64 digest;
  for (std::int64_t i = 0; i < real.size(); ++i) {
    const at::Tensor x = real.row(i), y = generated.row(i);
    require_equal_shape(x, y, real, generated, i);
    add_to(digest, x);
    const at::Tensor value = tokens ? (x == y).to(at::kDouble).mean()
                                    : (scaled(x) - scaled(y)).square().mean();
    means.add(value.view({1, 1}));
  }
  const MeasurementForm form = form_of("pairs", digest);
  const Estimate estimate = means.estimates().front();
  return {tokens
              ? form.row("token_accuracy", estimate, "share", Direction::higher)
              : form.row("mse", estimate, "squared value", Direction::lower)};
}

// What compares features takes the same on both sides: [N, F].
void require_features(const ScoreInput& input, const std::string& metric) {
  if (input.is_folder() || input.array().dim() != 2) {
    throw Error(ErrorKind::usage, metric + " compares features, not pictures",
                "give arrays [N, F] of one extractor's features on both "
                "sides; this version extracts none from pictures");
  }
  if (input.size() < 2) {
    throw Error(ErrorKind::usage, input.name(0) + " is the only row",
                metric + " needs at least 2 samples on both sides");
  }
  if (at::isfinite(input.array()).all().item<bool>()) return;
  throw Error(ErrorKind::data,
              "features of " + input.name(0) + " or a later one are not finite",
              "look for NaN or infinite values in the file");
}

void require_features(const ScoreInput& real, const ScoreInput& generated,
                      const std::string& metric) {
  require_features(real, metric);
  require_features(generated, metric);
  if (real.array().size(1) == generated.array().size(1)) return;
  throw Error(ErrorKind::usage,
              "features are " + sizes_text(real.array()) + " and " +
                  sizes_text(generated.array()),
              "both sides need the features of one extractor");
}

MeasurementForm form_of_features(const std::string& protocol,
                                 const ScoreInput& real) {
  Digest64 digest;
  add_to(digest, real.array());
  MeasurementForm form = form_of(protocol, digest);
  form.fingerprint += " real=" + std::to_string(real.size());
  return form;
}

Rows score_frechet_distance(const ScoreInput& real,
                            const ScoreInput& generated) {
  require_features(real, generated, "frechet_distance");
  FeatureMoments real_moments, generated_moments;
  real_moments.add(real.array());
  generated_moments.add(generated.array());
  const double distance = frechet_distance(real_moments, generated_moments);
  return {form_of_features("FD-features", real)
              .row("frechet_distance", {distance, 0.0, generated.size()},
                   "features^2", Direction::lower)};
}

at::Tensor sorted_rows(const ScoreInput& input) {
  FeatureSide side(FeatureSide::Keep::rows);
  side.add(input.array());
  return side.rows();
}

Rows score_kid(const ScoreInput& real, const ScoreInput& generated) {
  require_features(real, generated, "kid");
  const KernelDistanceOptions options;
  at::Generator generator = make_generator(kSeed, "kid/subsets");
  const KernelDistance distance = kernel_distance(
      sorted_rows(real), sorted_rows(generated), options, generator);
  const MeasurementForm form = form_of_features(
      "KD-features subsets=" + std::to_string(options.subsets) + "x" +
          std::to_string(options.subset_size) + " seed=0",
      real);
  return {form.row("kernel_distance",
                   {distance.value, distance.standard_error, generated.size()},
                   "squared MMD", Direction::lower),
          form.row("kernel_distance_deviation",
                   {distance.deviation, 0.0, generated.size()}, "squared MMD",
                   Direction::none)};
}

Rows score_precision_recall(const ScoreInput& real,
                            const ScoreInput& generated) {
  require_features(real, generated, "precision_recall");
  const PrecisionRecallOptions options;
  at::Generator generator = make_generator(kSeed, "precision_recall");
  const PrecisionRecall found = precision_recall(
      sorted_rows(real), sorted_rows(generated), options, generator);
  const MeasurementForm form = form_of_features(
      "PRD-features clusters=" + std::to_string(options.clusters) +
          " runs=" + std::to_string(options.runs) + " seed=0",
      real);
  return {form.row("prd_precision", {found.precision, 0.0, generated.size()},
                   "share", Direction::higher),
          form.row("prd_recall", {found.recall, 0.0, generated.size()}, "share",
                   Direction::higher)};
}

using Scorer = Rows (*)(const ScoreInput&, const ScoreInput&);

const std::map<std::string, Scorer>& scorers() {
  static const std::map<std::string, Scorer> table = {
      {"frechet_distance", score_frechet_distance},
      {"kid", score_kid},
      {"precision_recall", score_precision_recall},
      {"psnr_ssim", score_psnr_ssim},
      {"reconstruction", score_reconstruction}};
  return table;
}

Scorer scorer_of(const std::string& metric) {
  const auto found = scorers().find(metric);
  if (found != scorers().end()) return found->second;
  std::string hint = "metrics that work on files:";
  for (const auto& name : scorable_metrics()) hint += ' ' + name;
  if (const auto near = nearest(metric, scorable_metrics())) {
    hint = "did you mean '" + *near + "'? " + hint;
  }
  throw Error(ErrorKind::usage, "no metric '" + metric + "' for files", hint);
}

}  // namespace

std::vector<std::string> scorable_metrics() {
  std::vector<std::string> names;
  for (const auto& [name, scorer] : scorers()) names.push_back(name);
  return names;
}

std::vector<Measurement> score(const std::string& metric,
                               const std::filesystem::path& real,
                               const std::filesystem::path& generated) {
  const Scorer scorer = scorer_of(metric);
  std::vector<Measurement> rows =
      scorer(ScoreInput(real), ScoreInput(generated));
  for (const auto& row : rows) {
    if (std::isfinite(row.value)) continue;
    throw Error(ErrorKind::data, row.name + " is not finite",
                "look for NaN or infinite values in the files");
  }
  return rows;
}

}  // namespace shalab
