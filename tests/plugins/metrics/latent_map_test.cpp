#include <unistd.h>

#include <filesystem>

#include "rig.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"
#include "shalab/random.h"

namespace shalab {
namespace latent_map_test {

namespace fs = std::filesystem;
using Route = GenerationTask::Route;

at::Tensor noise(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  at::Generator generator = make_generator(seed, "noise");
  return at::randn({rows, columns}, generator, at::kDouble);
}

// Column vector [N, 1].
at::Tensor column(std::vector<double> values) {
  return at::tensor(values, at::kDouble).unsqueeze(1);
}

// [2 n, 1] of which the half that stands for the aggregate posterior is
// `known`, the other half `other`.
at::Tensor halves(const std::vector<double>& known,
                  const std::vector<double>& other) {
  at::Generator generator = make_generator(0, "latent_map/half");
  const auto count = static_cast<std::int64_t>(known.size());
  const at::Tensor order =
      at::randperm(2 * count, generator, at::TensorOptions(at::kLong));
  return at::cat({column(known), column(other)})
      .index_select(0, order.argsort());
}

const std::vector<double> kKnown{0, 1, 3, 6};
const std::vector<double> kFar{50, 50, 50, 50};

// Two tight clusters at (-4, 0) and (4, 0), in turn.
at::Tensor clusters(std::int64_t rows, std::uint64_t seed) {
  const at::Tensor side =
      at::arange(rows, at::kLong).remainder(2).to(at::kDouble) * 8 - 4;
  return 0.1 * noise(rows, 2, seed) + at::stack({side, at::zeros(rows)}, 1);
}

class LatentMap : public testing::Test {
 protected:
  ~LatentMap() override { fs::remove_all(folder_); }

  // As many tuples as `posterior` has rows, of one vector.
  void set_up(const at::Tensor& posterior) {
    posterior_ = posterior;
    rig_ = Rig::of_vectors({at::zeros({posterior.size(0), 1})});
    rig_->context.folder = writes_ ? folder_ : fs::path();
  }

  // In batches of `batch`, the last first. `draws` undefined: none.
  std::vector<Measurement> measure(const at::Tensor& draws,
                                   std::int64_t neighbours = 3,
                                   std::int64_t batch = 1000) {
    const auto metric = rig_->make("latent_map", {{"neighbours", neighbours}});
    const auto tasks = metric->tasks();
    if (draws.defined()) observe(*metric, tasks[0], draws, batch);
    observe(*metric, tasks[1], posterior_, batch);
    return metric->finish();
  }

  void observe(Metric& metric, const GenerationTask& task,
               const at::Tensor& latents, std::int64_t batch) {
    for (std::int64_t end = latents.size(0); end > 0; end -= batch) {
      const std::int64_t first = std::max<std::int64_t>(0, end - batch);
      Generated generated =
          rig_->batch_of(task, at::arange(first, end, at::kLong));
      generated.latents = latents.slice(0, first, end);
      metric.observe(generated);
    }
  }

  at::Tensor stored(const std::string& name) const {
    return io::to_tensor(io::read_npz(folder_ / "map.npz").at(name));
  }

  bool writes_ = false;
  fs::path folder_ = fs::path(testing::TempDir()) /
                     ("latent_map" + std::to_string(::getpid())) / "prior";
  at::Tensor posterior_;
  std::unique_ptr<Rig> rig_;
};

TEST_F(LatentMap, AsksForDrawsAndForTheAggregatePosterior) {
  set_up(noise(8, 2, 0));
  rig_->context.max_samples = 100;
  const auto tasks = rig_->make("latent_map")->tasks();
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(tasks[0].route, Route::joint);
  EXPECT_EQ(tasks[0].num_samples, 100);
  EXPECT_EQ(tasks[1].route, Route::aggregate);
  EXPECT_EQ(tasks[1].num_samples, 8);
}

// One neighbour. Tuples at 0, 1, 3, 6 cover [-1, 9] without gaps; draws at -2,
// 0.5, 9, 9.5 cover [-4.5, 3] and [8.5, 10].
TEST_F(LatentMap, CountsWhatLiesOutsideTheBallsAroundTheOtherSide) {
  set_up(halves(kKnown, kFar));
  const auto all = measure(column({-2, 0.5, 9, 9.5}), 1);
  ASSERT_EQ(all.size(), 2U);
  const Measurement gap = get(all, "prior_gap");
  EXPECT_DOUBLE_EQ(gap.value, 0.5);
  EXPECT_DOUBLE_EQ(gap.spread, std::sqrt(0.25 / 3));
  EXPECT_EQ(gap.num_samples, 4);
  EXPECT_EQ(gap.direction, Direction::lower);
  EXPECT_EQ(gap.protocol, "knn k=1 n=4");
  EXPECT_DOUBLE_EQ(get(all, "posterior_gap").value, 0.25);
  expect_audited(all);
}

// Two neighbours widen the balls to 3, 2, 3, 5 and 12.5, 8.5, 8.5, 11.
TEST_F(LatentMap, WidensTheBallsWithTheNeighbours) {
  set_up(halves(kKnown, kFar));
  const auto all = measure(column({-3.5, 0.5, 9, 11.5}), 2);
  EXPECT_DOUBLE_EQ(get(all, "prior_gap").value, 0.5);
  EXPECT_DOUBLE_EQ(get(all, "posterior_gap").value, 0);
}

TEST_F(LatentMap, HoldsTheOtherTuplesAgainstThePosteriorItself) {
  set_up(halves(kKnown, {-2, 0.5, 9, 9.5}));
  const auto all = measure({}, 1);
  EXPECT_DOUBLE_EQ(get(all, "prior_gap").value, 0.5);
  EXPECT_DOUBLE_EQ(get(all, "posterior_gap").value, 0.25);
}

// A prior equal to the aggregate posterior is as far from it as the posterior
// from itself; a broad one has most draws between the clusters, and a narrow
// one misses one cluster.
TEST_F(LatentMap, TellsGoodPriorsFromBadOnes) {
  set_up(clusters(2000, 1));
  const auto floor = measure({});
  const auto equal = measure(clusters(2000, 2));
  const double bound = 4 * 2 * get(floor, "prior_gap").spread;
  EXPECT_NEAR(get(equal, "prior_gap").value, get(floor, "prior_gap").value,
              bound);
  EXPECT_LT(get(floor, "prior_gap").value, 0.1);
  EXPECT_LT(get(equal, "posterior_gap").value, 0.1);
  const auto broad = measure(4 * noise(2000, 2, 3));
  EXPECT_GT(get(broad, "prior_gap").value, 0.8);
  const auto narrow = measure(clusters(4000, 4).slice(0, 0, 4000, 2));
  EXPECT_LT(get(narrow, "prior_gap").value, 0.1);
  EXPECT_NEAR(get(narrow, "posterior_gap").value, 0.5, 0.05);
}

TEST_F(LatentMap, DoesNotDependOnBatchesOrOrder) {
  set_up(noise(203, 4, 5));
  const at::Tensor draws = 1.5 * noise(350, 4, 6);
  const auto whole = measure(draws);
  EXPECT_EQ(get(whole, "prior_gap").num_samples, 101);
  EXPECT_GT(get(whole, "prior_gap").value, 0);
  expect_same(whole, measure(draws, 3, 33));
  expect_same(whole, measure(draws.flip(0), 3, 1));
}

// Variance 9 along (0.6, 0.8) and 1 along (0.8, -0.6), centre (5, 7).
TEST_F(LatentMap, ProjectsOntoThePrincipalAxesOfThePosterior) {
  writes_ = true;
  const at::Tensor turn =
      at::tensor({0.6, 0.8, 0.8, -0.6}, at::kDouble).view({2, 2});
  const at::Tensor shift = at::tensor({5.0, 7.0}, at::kDouble);
  const at::Tensor stretch = at::tensor({3.0, 1.0}, at::kDouble);
  set_up((noise(4000, 2, 7) * stretch).matmul(turn) + shift);
  measure(noise(10000, 2, 8));
  const at::Tensor axes = stored("axes");
  EXPECT_TRUE(at::allclose(axes.t(), turn, 0, 0.05)) << axes;
  EXPECT_TRUE(at::allclose(stored("centre"), shift, 0, 0.25));
  EXPECT_NEAR(stored("variance_share")[0].item<double>(), 0.9, 0.02);
  EXPECT_TRUE(at::allclose(stored("posterior"),
                           (posterior_ - stored("centre")).matmul(axes)));
  EXPECT_EQ(stored("draws").sizes(), at::IntArrayRef({10000, 2}));
  EXPECT_EQ(io::read_npz(folder_ / "map.npz").count("labels"), 0U);
}

// Left the draws in the middle, right the clusters in the colours of their
// classes.
TEST_F(LatentMap, DrawsTheDrawsBesideThePosterior) {
  writes_ = true;
  set_up(clusters(2000, 9));
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 2000; ++i) labels.push_back(i % 2);
  rig_->label(labels, 2);
  measure(0.1 * noise(2000, 2, 10));
  const io::Image image = io::read_image(folder_ / "map.png");
  ASSERT_EQ(image.width, 2 * image.height);
  const auto pixel = [&image](double x, double y) {
    const auto column = static_cast<std::int64_t>(x * image.width);
    const auto row = static_cast<std::int64_t>(y * image.height);
    const auto* at = &image.pixels[(row * image.width + column) * 3];
    return std::vector<int>{at[0], at[1], at[2]};
  };
  const double width = stored("half_width")[0].item<double>();
  const double off = 0.25 * (4 / width) * (image.height - 14.0) / image.height;
  EXPECT_LT(pixel(0.25, 0.5)[0], 60);
  EXPECT_EQ(pixel(0.25 + off, 0.5), (std::vector<int>{255, 255, 255}));
  EXPECT_EQ(pixel(0.75, 0.5), (std::vector<int>{255, 255, 255}));
  const auto left = pixel(0.75 - off, 0.5), right = pixel(0.75 + off, 0.5);
  EXPECT_GT(left[2], left[0] + 100);
  EXPECT_GT(right[0], right[2] + 100);
  measure({});
  EXPECT_EQ(io::read_image(folder_ / "map.png").width, image.height);
}

TEST_F(LatentMap, MapsOneDimensionOntoALine) {
  writes_ = true;
  set_up(noise(20, 1, 11));
  measure(noise(20, 1, 12));
  EXPECT_TRUE(at::equal(stored("axes"),
                        at::tensor({1.0, 0.0}).view({1, 2}).to(at::kDouble)));
}

TEST_F(LatentMap, KeepsNothingWithoutAFolder) {
  set_up(noise(20, 2, 13));
  measure(noise(20, 2, 14));
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(LatentMap, RefusesNoneAndTooFewLatents) {
  set_up(noise(7, 2, 15));
  EXPECT_THROW(rig_->make("latent_map")->finish(), Error);
  EXPECT_THROW(measure(noise(20, 2, 16)), Error);
  EXPECT_EQ(measure(noise(20, 2, 16), 2).size(), 2U);
}

TEST_F(LatentMap, RefusesLatentsThatAreNotFinite) {
  set_up(noise(20, 2, 17));
  at::Tensor draws = noise(20, 2, 18);
  draws[3][1] = std::nan("");
  EXPECT_THROW(measure(draws), Error);
}

}  // namespace latent_map_test
}  // namespace shalab
