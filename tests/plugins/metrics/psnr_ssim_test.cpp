#include "rig.h"

namespace shalab {
namespace psnr_ssim_test {

at::Tensor grey(std::int64_t count, std::int64_t side, double value) {
  return at::full({count, 1, side, side}, value, at::kDouble);
}

class PsnrSsim : public testing::Test {
 protected:
  // a: grey images of 12 x 12, b: of 4 x 4 (too small for SSIM), c: a vector.
  void SetUp() override {
    rig_ = std::make_unique<Rig>();
    rig_->add(ModalityKind::image, grey(2, 12, 0.5));
    rig_->add(ModalityKind::image, grey(2, 4, 0.5));
    rig_->add(ModalityKind::vector, at::zeros({2, 3}));
  }

  std::vector<Measurement> measure(const at::Tensor& a, const at::Tensor& b,
                                   bool one_by_one = false) {
    const auto metric = rig_->make("psnr_ssim");
    const auto tasks = metric->tasks();
    const std::int64_t step = one_by_one ? 1 : 2;
    for (std::int64_t i = 2 - step; i >= 0; i -= step) {
      Generated batch =
          rig_->batch_of(tasks.front(), at::arange(i, i + step, at::kLong));
      batch.samples = {a.slice(0, i, i + step), b.slice(0, i, i + step),
                       at::zeros({step, 3})};
      metric->observe(batch);
    }
    return metric->finish();
  }

  std::unique_ptr<Rig> rig_;
};

// a: off by .1 and .01, 20 and 40 dB; b: off by .1 twice.
TEST_F(PsnrSsim, AverageDecibelsOverImages) {
  const at::Tensor a = at::cat({grey(1, 12, 0.6), grey(1, 12, 0.51)});
  const auto all = measure(a, grey(2, 4, 0.4));
  EXPECT_NEAR(get(all, "psnr", "", "a").value, 30.0, 1e-9);
  EXPECT_NEAR(get(all, "psnr", "", "a").spread, 10.0, 1e-9);
  EXPECT_NEAR(get(all, "psnr", "", "b").value, 20.0, 1e-9);
  EXPECT_NEAR(get(all, "psnr").value, 25.0, 1e-9);
  EXPECT_EQ(get(all, "psnr").unit, "dB");
  EXPECT_EQ(find(all, "psnr", "", "c"), nullptr);
  expect_audited(all);
}

// Constant images: (2 .5 .6 + C1) / (.25 + .36 + C1) with C1 = 1e-4.
TEST_F(PsnrSsim, MeasureSsimWhereTheWindowFits) {
  const auto all = measure(grey(2, 12, 0.6), grey(2, 4, 0.4));
  const double expected = 0.6001 / 0.6101;
  EXPECT_NEAR(get(all, "ssim", "", "a").value, expected, 1e-9);
  EXPECT_NEAR(get(all, "ssim").value, expected, 1e-9);
  EXPECT_EQ(find(all, "ssim", "", "b"), nullptr);
}

TEST_F(PsnrSsim, OfPerfectCopiesAreTheBestValues) {
  const auto all = measure(grey(2, 12, 0.5), grey(2, 4, 0.5));
  EXPECT_DOUBLE_EQ(get(all, "psnr").value, 100.0);
  EXPECT_NEAR(get(all, "ssim").value, 1.0, 1e-12);
  EXPECT_EQ(get(all, "psnr").direction, Direction::higher);
  EXPECT_EQ(get(all, "ssim").direction, Direction::higher);
}

TEST_F(PsnrSsim, DoNotDependOnBatches) {
  const at::Tensor a = at::cat({grey(1, 12, 0.6), grey(1, 12, 0.51)});
  expect_same(measure(a, grey(2, 4, 0.4)), measure(a, grey(2, 4, 0.4), true));
}

TEST_F(PsnrSsim, LeaveMissingImagesOut) {
  const auto metric = rig_->make("psnr_ssim");
  const auto tasks = metric->tasks();
  Generated batch = rig_->batch_of(tasks.front(), at::arange(2, at::kLong));
  batch.samples = {at::cat({grey(1, 12, 0.6), grey(1, 12, 0.9)}),
                   grey(2, 4, 0.4), at::zeros({2, 3})};
  batch.truth.presence[1][0] = false;
  metric->observe(batch);
  const auto all = metric->finish();
  EXPECT_NEAR(get(all, "psnr", "", "a").value, 20.0, 1e-9);
  EXPECT_EQ(get(all, "psnr", "", "a").num_samples, 1);
}

TEST_F(PsnrSsim, RefuseDataWithoutImages) {
  auto vectors = Rig::of_vectors({at::zeros({2, 3})});
  expect_refused(*vectors->make("psnr_ssim"), ErrorKind::usage,
                 "image modality");
}

TEST_F(PsnrSsim, RefuseToFinishOnNothing) {
  EXPECT_THROW(rig_->make("psnr_ssim")->finish(), Error);
}

}  // namespace psnr_ssim_test
}  // namespace shalab
