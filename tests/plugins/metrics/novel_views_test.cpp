#include <cmath>

#include "rig.h"
#include "shalab/error.h"
#include "shalab/nn/image_quality.h"

namespace shalab {
namespace novel_views_test {

at::Tensor grey(double first, double second) {
  return at::tensor({first, second}, at::kDouble)
      .view({2, 1, 1, 1})
      .expand({2, 1, 12, 12});
}

// Two tuples of three grey views, each of one level; view c is missing in the
// second tuple where `hole` is set.
class NovelViews : public testing::Test {
 protected:
  void SetUp() override {
    rig_ = std::make_unique<Rig>();
    rig_->add(ModalityKind::image, grey(0.5, 0.5));
    rig_->add(ModalityKind::image, grey(0.4, 0.6));
    rig_->add(ModalityKind::image, grey(0.2, 0.8));
  }

  // Every view is drawn `error` too bright.
  std::vector<Measurement> measure(const ChangedKeys& keys, double error,
                                   bool one_by_one = false, bool hole = false) {
    const auto metric = rig_->make("novel_views", keys);
    const auto tasks = metric->tasks();
    const std::int64_t step = one_by_one ? 1 : 2;
    for (const GenerationTask& task : tasks) {
      for (std::int64_t i = 0; i < 2; i += step) {
        Generated batch =
            rig_->batch_of(task, at::arange(i, i + step, at::kLong));
        for (const at::Tensor& x : batch.truth.data) {
          batch.samples.push_back(x + error);
        }
        if (hole) batch.truth.presence[1][2] = false;
        metric->observe(batch);
      }
    }
    return metric->finish();
  }

  std::unique_ptr<Rig> rig_;
};

TEST_F(NovelViews, CompareWhatWasNotGiven) {
  const auto all = measure({}, 0.1);
  EXPECT_NEAR(get(all, "conditional_psnr", "a", "b").value, 20.0, 1e-9);
  EXPECT_NEAR(get(all, "conditional_psnr", "c").value, 20.0, 1e-9);
  EXPECT_NEAR(get(all, "conditional_psnr", "one").value, 20.0, 1e-9);
  EXPECT_EQ(find(all, "conditional_psnr", "a", "a"), nullptr);
  EXPECT_EQ(get(all, "conditional_psnr", "a").num_samples, 2);
  EXPECT_NE(find(all, "conditional_ssim", "b", "c"), nullptr);
  expect_audited(all);
}

// Means of b and c are .5: off by .1 and .3; a repeated is the same image, b
// repeated is off by .1 from a and by .2 from c.
TEST_F(NovelViews, TrivialAnswersAreBeside) {
  const auto all = measure({}, 0.0);
  const double tenth = 20.0, third = -20.0 * std::log10(0.3);
  const double fifth = -20.0 * std::log10(0.2);
  EXPECT_NEAR(get(all, "mean_image_psnr", "a").value, (tenth + third) / 2,
              1e-9);
  EXPECT_NEAR(get(all, "repeated_image_psnr", "a").value, (tenth + third) / 2,
              1e-9);
  EXPECT_NEAR(get(all, "repeated_image_psnr", "b").value, (tenth + fifth) / 2,
              1e-9);
  EXPECT_NEAR(get(all, "repeated_image_psnr", "one").value,
              (tenth + third + fifth) / 3, 1e-9);
  EXPECT_EQ(get(all, "conditional_psnr", "one").value, kPsnrCap);
}

TEST_F(NovelViews, TakeSubsetsAsGiven) {
  const ChangedKeys keys{{"given", std::vector<std::string>{"a+b", "c"}}};
  const auto all = measure(keys, 0.1);
  EXPECT_NEAR(get(all, "conditional_psnr", "a+b", "c").value, 20.0, 1e-9);
  EXPECT_EQ(find(all, "conditional_psnr", "a+b", "b"), nullptr);
  EXPECT_EQ(find(all, "conditional_psnr", "one"), nullptr);
  const double third = -20.0 * std::log10(0.3), fifth = -20.0 * std::log10(0.2);
  EXPECT_NEAR(get(all, "repeated_image_psnr", "a+b").value, (third + fifth) / 2,
              1e-9);
}

TEST_F(NovelViews, DoNotDependOnBatches) {
  expect_same(measure({}, 0.1), measure({}, 0.1, true));
}

TEST_F(NovelViews, LeaveMissingViewsOut) {
  const auto all = measure({}, 0.1, false, true);
  EXPECT_EQ(get(all, "conditional_psnr", "a", "b").num_samples, 2);
  EXPECT_EQ(get(all, "conditional_psnr", "a", "c").num_samples, 1);
  EXPECT_EQ(get(all, "conditional_psnr", "c", "a").num_samples, 1);
}

TEST_F(NovelViews, RefuseWhatCannotBeDrawn) {
  const auto refused = [this](const std::string& given) {
    try {
      rig_->make("novel_views", {{"given", std::vector<std::string>{given}}});
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_NE(refused("all").find("'all' leaves nothing"), std::string::npos);
  EXPECT_NE(refused("none").find("'none' leaves nothing"), std::string::npos);
  EXPECT_NE(refused("d").find("'d'"), std::string::npos);
  auto vectors = Rig::of_vectors({at::zeros({2, 3})});
  expect_refused(*vectors->make("novel_views"), ErrorKind::usage,
                 "two image modalities");
  EXPECT_THROW(rig_->make("novel_views")->finish(), Error);
}

}  // namespace novel_views_test
}  // namespace shalab
