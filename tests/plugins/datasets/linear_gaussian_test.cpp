#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "dataset_files.h"

namespace shalab {
namespace linear_gaussian_test {

std::unique_ptr<Dataset> make(const ChangedKeys& keys = {}) {
  return make_dataset("linear_gaussian", quiet_services(), keys);
}

Batch whole(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

TEST(LinearGaussian, HasTheDeclaredShapes) {
  const auto dataset = make();
  ASSERT_EQ(dataset->modalities().size(), 3U);
  EXPECT_EQ(dataset->modalities()[2].name, "x2");
  EXPECT_EQ(dataset->size(Split::train), 2000);
  EXPECT_EQ(dataset->size(Split::validation), 500);
  EXPECT_EQ(dataset->size(Split::test), 1000);
  const Batch batch = dataset->gather(Split::test, at::tensor({3L, 3L, 0L}));
  EXPECT_EQ(batch.data[1].sizes(), at::IntArrayRef({3, 4}));
  EXPECT_TRUE(batch.data[1][0].equal(batch.data[1][1]));
  EXPECT_TRUE(batch.presence.all().item<bool>());
  EXPECT_FALSE(batch.labels.defined());
}

TEST(LinearGaussian, RepeatsItselfBySeedAlone) {
  const Batch one = whole(*make(), Split::train);
  const Batch again = whole(*make(), Split::train);
  const Batch other = whole(*make({{"seed", std::int64_t{2}}}), Split::train);
  EXPECT_TRUE(one.data[0].equal(again.data[0]));
  EXPECT_FALSE(one.data[0].equal(other.data[0]));
  EXPECT_NE(make()->fingerprint(),
            make({{"seed", std::int64_t{2}}})->fingerprint());
}

TEST(LinearGaussian, DrawsOtherTuplesForEachSplit) {
  const auto dataset = make();
  const at::Tensor train = whole(*dataset, Split::train).data[0];
  const at::Tensor test = whole(*dataset, Split::test).data[0];
  EXPECT_FALSE(
      (train.unsqueeze(0) == test.unsqueeze(1)).all(2).any().item<bool>());
}

// In one dimension log p is a parabola: its second difference is -1 / variance
// and its peak is -1/2 log(2 pi variance).
TEST(LinearGaussian, InOneDimensionIsANormalDensity) {
  const auto dataset = make({{"modalities", std::int64_t{1}},
                             {"latent", std::int64_t{1}},
                             {"dimensions", std::int64_t{1}},
                             {"test", std::int64_t{40000}}});
  Batch batch = dataset->gather(Split::test, at::arange(3));
  batch.data[0] = at::tensor({-1.F, 0.F, 1.F}).view({3, 1});
  const at::Tensor f = dataset->exact_log_likelihood(batch)->to(at::kDouble);
  const double left = f[0].item<double>(), middle = f[1].item<double>(),
               right = f[2].item<double>();
  const double variance = -1 / (left - 2 * middle + right);
  const double mean = variance * (right - left) / 2;
  const double peak = middle + mean * mean / (2 * variance);
  EXPECT_NEAR(peak, -0.5 * std::log(2 * std::numbers::pi * variance), 1e-4);
  EXPECT_GE(variance, 0.25);
  const at::Tensor x = whole(*dataset, Split::test).data[0];
  EXPECT_NEAR(x.mean().item<double>(), mean, 5 * std::sqrt(variance / 40000));
  EXPECT_NEAR(x.var().item<double>() / variance, 1, 5 * std::sqrt(2 / 40000.));
}

// The best Gaussian for N samples beats the true one by about k / 2N nats a
// sample, k = 12 + 78 parameters: 0.00225 here.
TEST(LinearGaussian, IsAsLikelyAsTheBestFittedGaussian) {
  const auto dataset = make({{"test", std::int64_t{20000}}});
  const Batch batch = whole(*dataset, Split::test);
  const at::Tensor x = at::cat(batch.data, 1).to(at::kDouble);
  const at::Tensor covariance =
      (x - x.mean(0)).t().matmul(x - x.mean(0)) / 20000;
  const double fitted = -0.5 * (at::logdet(covariance).item<double>() +
                                12 * (1 + std::log(2 * std::numbers::pi)));
  const double exact =
      dataset->exact_log_likelihood(batch)->mean().item<double>();
  EXPECT_GT(fitted - exact, 0.0008);
  EXPECT_LT(fitted - exact, 0.0045);
}

TEST(LinearGaussian, RefusesIncompleteTuples) {
  const auto dataset = make();
  Batch batch = dataset->gather(Split::test, at::arange(2));
  batch.presence = batch.presence.clone();
  batch.presence[0][1] = false;
  EXPECT_THROW(dataset->exact_log_likelihood(batch), Error);
}

TEST(LinearGaussian, RefusesNoNoise) {
  EXPECT_EQ(
      refusal("linear_gaussian", quiet_services(), {{"noise", 0.0}}).first,
      static_cast<int>(ErrorKind::usage));
}

}  // namespace linear_gaussian_test
}  // namespace shalab
