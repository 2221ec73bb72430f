// The prior gap of a latent source: how its joint draws lie beside the
// aggregate posterior, one draw of q(z | X) per tuple of the split.
//
//   prior_gap      share of the draws outside the aggregate posterior
//   posterior_gap  share of the aggregate posterior outside the draws
// A set stands for its k-nearest-neighbour manifold (manifold.h): 1 - prior_gap
// and 1 - posterior_gap are the improved precision and recall of Kynkäänniemi
// et al. 2019, of latents. The aggregate posterior is a random half of the N
// tuples, the same for every source; as many draws are held against it. The
// other half is measured as the source "posterior": what a perfect prior would
// get, the floor of both numbers.
//
// Files, for each source (ShaLa, figure 4): map.png, the draws left, the
// aggregate posterior right by class; map.npz with the same points:
//   draws [n, 2], posterior [N, 2], labels [N]   (z - centre) axes
//   centre [D], axes [D, 2]     the two principal axes of the aggregate
//                               posterior (eigenvectors of its covariance;
//                               each one's largest entry is positive)
//   variance_share [2]          of its variance along them
//   half_width [1]              of the picture's plane
// Axes and width are the same for every source of an evaluation.

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "manifold.h"
#include "map_picture.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/tensors.h"
#include "shalab/metric.h"
#include "shalab/nn/measuring.h"
#include "shalab/random.h"

namespace shalab::latent_map {
namespace {

using Route = GenerationTask::Route;

constexpr double kMargin = 1.4;
constexpr double kShown = 0.995;

// The latents of all tuples, in the order of the split.
struct Aggregate {
  at::Tensor latents;  // double [N, D]
  at::Tensor labels;   // int64 [N], or undefined
};

struct Plane {
  at::Tensor centre;          // [D]
  at::Tensor axes;            // [D, 2]; the second is 0 where D is 1
  at::Tensor variance_share;  // [2]

  at::Tensor project(const at::Tensor& z) const {
    return (z - centre).matmul(axes);
  }
};

at::Tensor two_columns(const at::Tensor& x) {
  return at::constant_pad_nd(x, {0, 2 - x.size(-1)}, 0);
}

Plane principal_plane(const at::Tensor& z) {
  const auto count = std::min<std::int64_t>(2, z.size(1));
  const auto [values, vectors] =
      at::linalg_eigh(at::cov(z.t()).view({z.size(1), z.size(1)}));
  const at::Tensor largest = vectors.slice(1, -count).flip(1);
  const at::Tensor sign =
      largest.gather(0, largest.abs().argmax(0, true)).sign();
  return {z.mean(0), two_columns(largest * sign),
          two_columns(values.slice(0, -count).flip(0) / values.sum())};
}

// `count` rows of x, whatever their order: evenly spaced ones of the rows
// sorted by their first entry.
at::Tensor thinned(const at::Tensor& x, std::int64_t count) {
  const at::Tensor place =
      at::arange(count, at::TensorOptions(at::kLong)) * x.size(0);
  const at::Tensor rows =
      x.select(1, 0).argsort().index_select(0, place.div(count, "floor"));
  return x.index_select(0, rows);
}

at::Tensor shuffled(std::int64_t count) {
  at::Generator generator = make_generator(0, "latent_map/half");
  return at::randperm(count, generator, at::TensorOptions(at::kLong));
}

Estimate share_outside(const Manifold& manifold, const at::Tensor& x) {
  ColumnMeans outside;
  outside.add(manifold.contains(x).logical_not().unsqueeze(1));
  return outside.estimates().front();
}

class LatentMap final : public Metric {
 public:
  LatentMap(const Settings& settings, MetricContext context)
      : context_(std::move(context)),
        neighbours_(settings.integer("neighbours")) {}

  std::vector<GenerationTask> tasks() override {
    std::vector<GenerationTask> result(2);
    result[0].route = Route::joint;
    result[0].num_samples = num_draws(context_);
    result[1].route = Route::aggregate;
    result[1].num_samples = num_tuples(context_);
    return result;
  }

  void observe(const Generated& generated) override {
    const at::Tensor latents =
        generated.latents.detach().to(at::kCPU, at::kDouble);
    if (generated.task->route == Route::joint) {
      draws_.push_back(latents);
      return;
    }
    posterior_.push_back(latents);
    ids_.push_back(generated.truth.ids.cpu());
    const at::Tensor& labels = generated.truth.labels;
    if (labels.defined()) labels_.push_back(labels.cpu());
  }

  std::vector<Measurement> finish() override {
    require_observed(!posterior_.empty(), "latent_map");
    const Aggregate posterior = aggregate();
    const at::Tensor draws = draws_.empty() ? at::Tensor() : at::cat(draws_);
    require_finite(posterior.latents);
    if (draws.defined()) require_finite(draws);
    auto rows = gaps(posterior.latents, draws);
    write_map(posterior, draws);
    return rows;
  }

 private:
  Aggregate aggregate() const;
  static void require_finite(const at::Tensor& z);
  std::vector<Measurement> gaps(const at::Tensor& posterior,
                                const at::Tensor& draws) const;
  void write_map(const Aggregate& posterior, const at::Tensor& draws) const;

  MetricContext context_;
  std::int64_t neighbours_;
  std::vector<at::Tensor> draws_, posterior_, ids_, labels_;
};

Aggregate LatentMap::aggregate() const {
  const at::Tensor order = at::cat(ids_).argsort();
  Aggregate result;
  result.latents = at::cat(posterior_).index_select(0, order);
  if (!labels_.empty()) {
    result.labels = at::cat(labels_).index_select(0, order);
  }
  return result;
}

void LatentMap::require_finite(const at::Tensor& z) {
  if (z.isfinite().all().item<bool>()) return;
  throw Error(ErrorKind::run,
              "metric 'latent_map' saw latents that are not "
              "finite",
              "look at the losses: shalab runs curve");
}

// `draws` undefined: the source is the posterior.
std::vector<Measurement> LatentMap::gaps(const at::Tensor& posterior,
                                         const at::Tensor& draws) const {
  const std::int64_t count = posterior.size(0) / 2;
  if (count <= neighbours_) {
    throw Error(ErrorKind::run,
                "metric 'latent_map' has " + std::to_string(count) +
                    " latents a side, too few for " +
                    std::to_string(neighbours_) + " neighbours",
                "raise evaluate.max_samples");
  }
  const at::Tensor order = shuffled(posterior.size(0));
  const at::Tensor known = posterior.index_select(0, order.slice(0, 0, count));
  const at::Tensor other =
      draws.defined()
          ? thinned(draws, count)
          : posterior.index_select(0, order.slice(0, count, 2 * count));
  const MeasurementForm form{
      to_string(context_.split),
      "knn k=" + std::to_string(neighbours_) + " n=" + std::to_string(count),
      data_fingerprint(context_)};
  return {
      form.row("prior_gap", share_outside(Manifold(known, neighbours_), other),
               "share", Direction::lower),
      form.row("posterior_gap",
               share_outside(Manifold(other, neighbours_), known), "share",
               Direction::lower)};
}

void LatentMap::write_map(const Aggregate& posterior,
                          const at::Tensor& draws) const {
  if (context_.folder.empty()) return;
  const Plane plane = principal_plane(posterior.latents);
  const Cloud encoded{plane.project(posterior.latents), posterior.labels};
  const double half_width =
      kMargin *
      std::max(at::quantile(encoded.points.abs(), kShown).item<double>(), 1e-9);
  std::vector<Cloud> clouds{encoded};
  io::NamedArrays arrays;
  if (draws.defined()) {
    clouds.insert(clouds.begin(), Cloud{plane.project(draws), {}});
    arrays["draws"] = io::to_array(clouds.front().points);
  }
  if (posterior.labels.defined()) {
    arrays["labels"] = io::to_array(posterior.labels);
  }
  arrays["posterior"] = io::to_array(encoded.points);
  arrays["centre"] = io::to_array(plane.centre);
  arrays["axes"] = io::to_array(plane.axes);
  arrays["variance_share"] = io::to_array(plane.variance_share);
  arrays["half_width"] = io::to_array(at::full({1}, half_width, at::kDouble));
  std::filesystem::create_directories(context_.folder);
  io::write_npz(context_.folder / "map.npz", arrays);
  io::write_png(context_.folder / "map.png", draw_map(clouds, half_width));
}

void declare_fields(FieldList& fields) {
  fields
      .integer("neighbours", 3,
               "k of the nearest-neighbour manifolds: larger ones are wider")
      .at_least(1)
      .after_training();
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  return std::make_unique<LatentMap>(settings, context);
}

}  // namespace
}  // namespace shalab::latent_map

using shalab::latent_map::declare_fields;
using shalab::latent_map::make;
SHALAB_PLUGIN(metric, 1,
              "prior gap: draws of a source beside the aggregate posterior, "
              "as numbers and as a map",
              declare_fields, make)
