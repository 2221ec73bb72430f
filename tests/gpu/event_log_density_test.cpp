#include <gtest/gtest.h>

#include "shalab/likelihood.h"
#include "twins.h"

namespace shalab {
namespace event_log_density_test {

using gpu::EventFamily;

constexpr float kFactor = 1.5f;
constexpr float kShift = 2.25f;

at::Tensor density(EventFamily family, const at::Tensor& m, const at::Tensor& x,
                   std::int64_t event_dims, double factor = kFactor,
                   double shift = kShift) {
  return gpu_tests::operator_of<gpu_tests::Density>("event_log_density")
      .call(m, x, static_cast<int>(family), event_dims, factor, shift);
}

at::Tensor slope(EventFamily family, const at::Tensor& m, const at::Tensor& x,
                 const at::Tensor& gradient, std::int64_t event_dims,
                 double factor = kFactor) {
  return gpu_tests::operator_of<gpu_tests::Slope>("event_log_density_slope")
      .call(m, x, gradient, static_cast<int>(family), event_dims, factor);
}

// As the formula says, in double.
at::Tensor exact(EventFamily family, const at::Tensor& m, const at::Tensor& x) {
  if (family == EventFamily::bernoulli) return x * m - at::softplus(m);
  const at::Tensor error = x - m;
  return family == EventFamily::laplace ? -error.abs() : -error.square() / 2;
}

at::Tensor exact_slope(EventFamily family, const at::Tensor& m,
                       const at::Tensor& x) {
  if (family == EventFamily::bernoulli) return x - at::sigmoid(m);
  return family == EventFamily::laplace ? (x - m).sgn() : x - m;
}

struct Rows {
  std::int64_t rows, x_rows, event;
};

const Rows kShapes[] = {{1, 1, 1},     {6, 2, 3},       {3, 3, 511},
                        {2, 1, 512},   {640, 128, 784}, {600, 2, 2352},
                        {2, 1, 12288}, {5, 5, 20001},   {1, 1, 196608}};

template <class Check>
void for_each_family(const Check& check) {
  using Normal = std::integral_constant<EventFamily, EventFamily::normal>;
  using Laplace = std::integral_constant<EventFamily, EventFamily::laplace>;
  using Bernoulli = std::integral_constant<EventFamily, EventFamily::bernoulli>;
  for (const Rows& shape : kShapes) {
    const at::Tensor m = at::randn({shape.rows, shape.event}) * 3;
    const at::Tensor x = at::rand({shape.x_rows, shape.event});
    const at::Tensor gradient = at::randn({shape.rows});
    SCOPED_TRACE(std::to_string(shape.rows) + " rows of " +
                 std::to_string(shape.event));
    check(Normal(), m, x, gradient);
    check(Laplace(), m, x, gradient);
    check(Bernoulli(), m, x, gradient);
  }
}

TEST(EventLogDensity, OfTheTwinIsTheFormulas) {
  for_each_family([](auto family, const at::Tensor& m, const at::Tensor& x,
                     const at::Tensor&) {
    const at::Tensor repeated = x.repeat({m.size(0) / x.size(0), 1});
    const at::Tensor truth =
        exact(family, m.to(at::kDouble), repeated.to(at::kDouble)).sum(1) *
            kFactor -
        kShift;
    const at::Tensor twin =
        gpu_tests::density_twin<family>(m, x, {kFactor, kShift});
    EXPECT_TRUE(at::allclose(twin.to(at::kDouble), truth, 1e-5, 1e-5));
    const at::Tensor folded =
        density(family, m.view({-1, x.size(0), x.size(1)}), x, 1);
    EXPECT_TRUE(at::allclose(folded.flatten(), twin, 1e-4, 1e-4));
  });
}

TEST(EventLogDensity, SlopeOfTheTwinIsTheFormulas) {
  for_each_family([](auto family, const at::Tensor& m, const at::Tensor& x,
                     const at::Tensor& gradient) {
    const at::Tensor repeated = x.repeat({m.size(0) / x.size(0), 1});
    const at::Tensor truth =
        exact_slope(family, m.to(at::kDouble), repeated.to(at::kDouble)) *
        gradient.unsqueeze(1) * kFactor;
    const at::Tensor twin =
        gpu_tests::slope_twin<family>(m, x, gradient, kFactor);
    EXPECT_TRUE(at::allclose(twin.to(at::kDouble), truth, 1e-5, 1e-6));
    const at::Tensor folded = slope(family, m.view({-1, x.size(0), x.size(1)}),
                                    x, gradient.view({-1, x.size(0)}), 1);
    EXPECT_TRUE(at::allclose(folded.view_as(twin), twin, 1e-5, 1e-6));
  });
}

// The bits of the lines that stood in the SDK before there were kernels.
TEST(EventLogDensity, OnACpuIsThatOfATen) {
  const at::Tensor m = at::randn({6, 4, 3, 5, 7}), x = at::rand({4, 3, 5, 7});
  const at::Tensor gradient = at::randn({6, 4});
  const at::Tensor by_row = gradient.view({6, 4, 1, 1, 1});
  const std::vector<std::int64_t> dims = {-3, -2, -1};
  EXPECT_TRUE(
      density(EventFamily::normal, m, x, 3, 1, 0)
          .equal(at::linalg_vector_norm(x - m, 2, dims).square().mul(-0.5)));
  EXPECT_TRUE(density(EventFamily::laplace, m, x, 3, 1, 0)
                  .equal(-at::linalg_vector_norm(x - m, 1, dims)));
  EXPECT_TRUE(density(EventFamily::bernoulli, m, x, 3, 1, 0)
                  .equal((x * m - at::softplus(m)).sum(dims)));
  for (const auto family :
       {EventFamily::normal, EventFamily::laplace, EventFamily::bernoulli}) {
    EXPECT_TRUE(slope(family, m, x, gradient, 3, 1)
                    .equal(exact_slope(family, m, x) * by_row));
  }
}

TEST(EventLogDensity, OfAnEmptyBatchIsEmpty) {
  const at::Tensor m = at::empty({3, 0, 5}).requires_grad_();
  const at::Tensor p =
      Likelihood::normal(m, 1.0, 1).log_prob(at::empty({0, 5}));
  EXPECT_EQ(p.sizes(), at::IntArrayRef({3, 0}));
  p.sum().backward();
  EXPECT_EQ(m.grad().sizes(), m.sizes());
}

TEST(EventLogDensity, HandlesParametersThatAreNotContiguous) {
  const at::Tensor m = at::randn({5, 6}).t(), x = at::rand({6, 5});
  EXPECT_TRUE(
      at::allclose(density(EventFamily::laplace, m, x, 1),
                   density(EventFamily::laplace, m.contiguous(), x, 1)));
}

TEST(EventLogDensity, DividesFewLongRowsAmongBlocks) {
  EXPECT_EQ(gpu::pieces_of(3200, 2352).count, 1);
  EXPECT_EQ(gpu::pieces_of(1, 2352).count, 2);
  for (const Rows& shape : kShapes) {
    const gpu::RowPieces pieces = gpu::pieces_of(shape.rows, shape.event);
    EXPECT_EQ(pieces.size % gpu::kDensityPlaces, 0);
    EXPECT_GE(pieces.count * pieces.size, shape.event);
    EXPECT_LT((pieces.count - 1) * pieces.size, shape.event);
  }
}

// Sums and products have the twin's bits; exp and log of the device have not.
TEST(EventLogDensity, OnAGpuIsTheTwins) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  for_each_family([](auto family, const at::Tensor& m, const at::Tensor& x,
                     const at::Tensor& gradient) {
    const at::Tensor there = m.to(at::kCUDA).view({-1, x.size(0), x.size(1)});
    const at::Tensor values = density(family, there, x.to(at::kCUDA), 1).cpu();
    const at::Tensor slopes =
        slope(family, there, x.to(at::kCUDA),
              gradient.to(at::kCUDA).view({-1, x.size(0)}), 1)
            .cpu();
    const at::Tensor twin =
        gpu_tests::density_twin<family>(m, x, {kFactor, kShift});
    const at::Tensor slope_twin =
        gpu_tests::slope_twin<family>(m, x, gradient, kFactor);
    if (family == EventFamily::bernoulli) {
      EXPECT_TRUE(at::allclose(values.flatten(), twin, 1e-5, 1e-4));
      EXPECT_TRUE(at::allclose(slopes.view_as(m), slope_twin, 1e-5, 1e-6));
    } else {
      EXPECT_TRUE(values.flatten().equal(twin));
      EXPECT_TRUE(slopes.view_as(m).equal(slope_twin));
    }
  });
}

TEST(EventLogDensity, OnAGpuServesChannelsLast) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  const at::Tensor x = at::rand({4, 3, 5, 6}), m = at::rand({8, 3, 5, 6});
  const at::Tensor last =
      m.to(at::kCUDA).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor there = Likelihood::laplace(last, 0.75, 3)
                               .unflatten(2, 4)
                               .log_prob(x.to(at::kCUDA));
  const at::Tensor here =
      Likelihood::laplace(m, 0.75, 3).unflatten(2, 4).log_prob(x);
  EXPECT_TRUE(at::allclose(there.cpu(), here, 1e-5, 1e-4));
}

}  // namespace event_log_density_test
}  // namespace shalab
