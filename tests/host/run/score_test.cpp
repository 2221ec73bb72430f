#include "run/score.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "../../plugins/load.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"

namespace shalab {
namespace score_test {

namespace fs = std::filesystem;

std::vector<Measurement> score(const std::string& metric, const fs::path& real,
                               const fs::path& generated,
                               const ChangedKeys& keys = {}) {
  const auto make = [&](const MetricContext& context) {
    return make_plugin<Factory_metric>("metric", metric, context, keys);
  };
  return shalab::score(make, real, generated, quiet_services());
}

class Score : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("score_") +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path save(const std::string& name, const at::Tensor& x) const {
    io::write_npy(folder_ / name, io::to_array(x));
    return folder_ / name;
  }

  fs::path pictures(const std::string& name,
                    const std::vector<std::uint8_t>& greys,
                    std::int64_t side = 12) const {
    fs::create_directories(folder_ / name);
    for (std::size_t i = 0; i < greys.size(); ++i) {
      const auto size = static_cast<std::size_t>(side * side);
      io::write_png(folder_ / name / (std::to_string(i) + ".png"),
                    {side, side, 1, std::vector<std::uint8_t>(size, greys[i])});
    }
    return folder_ / name;
  }

  static void expect_refused(const std::string& metric, const fs::path& real,
                             const fs::path& generated,
                             const std::string& part) {
    try {
      score(metric, real, generated);
      FAIL() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << error.what();
    }
  }

  fs::path folder_;
};

// 0, 51 against 51, 51: off by .2 and 0: 13.9794 dB and the cap of 100.
TEST_F(Score, ComparesFoldersOfPicturesInTheOrderOfTheirNames) {
  const auto rows =
      score("psnr_ssim", pictures("real", {0, 51}), pictures("made", {51, 51}));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].name, "psnr");
  EXPECT_NEAR(rows[0].value, (13.979400086720376 + 100) / 2, 1e-9);
  EXPECT_EQ(rows[0].num_samples, 2);
  EXPECT_EQ(rows[1].name, "ssim");
  EXPECT_NEAR(rows[1].value, (1e-4 / (0.04 + 1e-4) + 1) / 2, 1e-9);
}

TEST_F(Score, TakesPicturesFromArraysOfEitherLayout) {
  const at::Tensor x = at::rand({2, 3, 12, 14}, at::kDouble);
  const auto first = save("a.npy", x);
  const auto last = save("b.npy", x.permute({0, 2, 3, 1}).contiguous());
  EXPECT_DOUBLE_EQ(score("psnr_ssim", first, last)[0].value, 100.0);
}

// Features -1, 0, 1 and 1, 3, 5: 9 + 1 + 4 - 2 sqrt(4) = 10.
TEST_F(Score, MeasuresTheFrechetDistanceOfFeatures) {
  const auto real = save("a.npy", at::tensor({-1.0, 0.0, 1.0}).view({3, 1}));
  io::write_npz(
      folder_ / "b.npz",
      {{"features", io::to_array(at::tensor({1.0, 3.0, 5.0}).view({3, 1}))}});
  const auto rows = score("frechet_distance", real, folder_ / "b.npz");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_NEAR(rows[0].value, 10.0, 1e-6);
  EXPECT_NE(rows[0].fingerprint.find("real=3"), std::string::npos);
}

// Features 0, 1 and 1, 2 in any order: 9.5 by hand (kernel_distance_test.cpp).
TEST_F(Score, MeasuresTheKernelDistanceOfFeatures) {
  const auto rows =
      score("kid", save("a.npy", at::tensor({1.0, 0.0}).view({2, 1})),
            save("b.npy", at::tensor({1.0, 2.0}).view({2, 1})));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].name, "kernel_distance");
  EXPECT_NEAR(rows[0].value, 9.5, 1e-9);
  EXPECT_EQ(rows[0].protocol, "KD-features subsets=100x1000 seed=0");
  EXPECT_NE(rows[0].fingerprint.find("real=2"), std::string::npos);
  EXPECT_EQ(rows[1].name, "kernel_distance_deviation");
  EXPECT_DOUBLE_EQ(rows[1].value, 0.0);
}

// 30 of 40 generated rows lie on half of the real ones, the others far away.
// p = (1/2, 1/2, 0), q = (3/4, 0, 1/4) over the three places. At slope l the
// curve has precision min(l/2, 3/4), recall precision / l; F_8 is largest at
// l = 3/2 (precision 3/4, recall 1/2): 65 * .375 / (64 * .75 + .5), F_1/8 there
// too: (65/64) .375 / (.75/64 + .5).
TEST_F(Score, MeasuresPrecisionAndRecallOfFeatures) {
  const at::Tensor near = at::zeros({40, 2}), far = at::full({40, 2}, 9.0),
                   wrong = at::full({40, 2}, -9.0);
  const auto real =
      save("a.npy", at::cat({near.slice(0, 0, 20), far.slice(0, 0, 20)}));
  const auto made =
      save("b.npy", at::cat({near.slice(0, 0, 30), wrong.slice(0, 0, 10)}));
  const auto rows = score("precision_recall", real, made);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].name, "prd_precision");
  EXPECT_NEAR(rows[0].value, 65.0 / 64 * 0.375 / (0.75 / 64 + 0.5), 2e-3);
  EXPECT_EQ(rows[1].name, "prd_recall");
  EXPECT_NEAR(rows[1].value, 65 * 0.375 / (64 * 0.75 + 0.5), 2e-3);
  EXPECT_EQ(rows[1].num_samples, 40);
  EXPECT_EQ(rows[0].protocol, "PRD-features clusters=20 runs=10 seed=0");
}

TEST_F(Score, ComparesFeaturesWhateverTheirOrder) {
  const at::Tensor x = at::rand({60, 3}), y = at::rand({50, 3}) + 0.1;
  const auto real = save("a.npy", x), real_flipped = save("b.npy", x.flip(0));
  const auto made = save("c.npy", y), made_flipped = save("d.npy", y.flip(0));
  for (const char* metric : {"kid", "precision_recall"}) {
    EXPECT_DOUBLE_EQ(score(metric, real, made)[0].value,
                     score(metric, real_flipped, made_flipped)[0].value)
        << metric;
  }
}

TEST_F(Score, MeasuresErrorsOfValuesAndOfTokens) {
  const auto real = save("a.npy", at::tensor({0.0, 1.0}).view({1, 2}));
  const auto made = save("b.npy", at::tensor({0.0, 3.0}).view({1, 2}));
  EXPECT_NEAR(score("reconstruction", real, made)[0].value, 2.0, 1e-9);
  const auto words = save("c.npy", at::tensor({1, 2, 3, 4}, at::kLong));
  const auto other = save("d.npy", at::tensor({1, 2, 3, 5}, at::kLong));
  const auto rows = score("reconstruction", words, other);
  EXPECT_EQ(rows[0].name, "token_accuracy");
  EXPECT_DOUBLE_EQ(rows[0].value, 0.75);
  EXPECT_DOUBLE_EQ(
      score("reconstruction", pictures("p", {0}), pictures("q", {255}))[0]
          .value,
      1.0);
}

TEST_F(Score, NamesTheRealDataAlone) {
  const auto a = save("a.npy", at::zeros({3, 2}));
  const auto b = save("b.npy", at::ones({3, 2}));
  const auto print = [](const fs::path& x, const fs::path& y) {
    return score("reconstruction", x, y)[0].fingerprint;
  };
  EXPECT_EQ(print(a, a), print(a, b));
  EXPECT_NE(print(a, a), print(b, a));
}

TEST_F(Score, RefusesMetricsThatNeedMoreThanSamples) {
  const auto a = save("a.npy", at::zeros({3, 2}));
  expect_refused("coherence", a, a, "judge for every modality");
  expect_refused("linear_probe", a, a, "labelled data");
  expect_refused("novel_views", a, a, "two image modalities");
  expect_refused("log_likelihood", a, a, "a model's latents");
  expect_refused("latent_map", a, a, "a model's latents");
}

TEST_F(Score, TakesKeysOfTheMetric) {
  const auto a = save("a.npy", at::rand({9, 2}));
  const auto b = save("b.npy", at::rand({9, 2}));
  const auto rows = score("kid", a, b, {{"subset_size", std::int64_t{4}}});
  EXPECT_EQ(rows[0].protocol, "KD-features subsets=100x4 seed=0");
}

TEST_F(Score, NeedsPicturesOfOneSize) {
  const auto folder = pictures("real", {0, 51});
  io::write_png(folder / "2.png",
                {16, 12, 1, std::vector<std::uint8_t>(16 * 12, 7)});
  expect_refused("psnr_ssim", folder, folder, "2.png is [1, 12, 16]");
}

TEST_F(Score, ShowsGreyPicturesAsRgbBesideRgbPictures) {
  const auto grey = pictures("grey", {51, 51});
  const auto mixed = pictures("mixed", {51});
  io::write_png(mixed / "1.png",
                {12, 12, 3, std::vector<std::uint8_t>(12 * 12 * 3, 51)});
  const auto colour = save("c.npy", at::full({2, 3, 12, 12}, 0.2, at::kDouble));
  EXPECT_DOUBLE_EQ(score("psnr_ssim", mixed, colour)[0].value, 100.0);
  expect_refused("psnr_ssim", grey, colour, "one shape");
}

TEST_F(Score, RefusesPicturesWhereFeaturesAreNeeded) {
  const auto folder = pictures("real", {0, 51});
  for (const char* metric : {"frechet_distance", "kid", "precision_recall"}) {
    expect_refused(metric, folder, folder, "needs a judge with features");
  }
}

TEST_F(Score, RefusesSidesThatDoNotPair) {
  const auto two = pictures("two", {0, 1});
  expect_refused("psnr_ssim", two, pictures("three", {0, 1, 2}),
                 "2 real and 3 generated");
  expect_refused("psnr_ssim", two, pictures("large", {0, 1}, 16),
                 "[1, 16, 16]");
  const auto a = save("a.npy", at::zeros({3, 2}));
  const auto b = save("b.npy", at::zeros({3, 4}));
  for (const char* metric : {"frechet_distance", "kid", "precision_recall"}) {
    expect_refused(metric, a, b, "vectors [4]");
    expect_refused(metric, a, save("one.npy", at::zeros({1, 2})), "one sample");
  }
  expect_refused("reconstruction", a,
                 save("c.npy", at::zeros({3, 2}, at::kLong)), "tokens");
}

TEST_F(Score, RefusesWhatHoldsNoPictures) {
  const auto a = save("a.npy", at::zeros({3, 2}));
  expect_refused("psnr_ssim", a, a, "image modality");
  const auto b = save("b.npy", at::full({1, 12, 12}, 1.5));
  expect_refused("psnr_ssim", b, b, "1 vector [144]");
  fs::create_directories(folder_ / "empty");
  expect_refused("psnr_ssim", folder_ / "empty", b, "no .png");
  expect_refused("psnr_ssim", folder_ / "c.txt", b, "neither .npy nor .npz");
}

TEST_F(Score, RefusesNpzFilesOfSeveralArrays) {
  const io::Array array = io::to_array(at::zeros({3, 2}));
  io::write_npz(folder_ / "a.npz", {{"x", array}, {"y", array}});
  expect_refused("reconstruction", folder_ / "a.npz", folder_ / "a.npz",
                 "holds 2 arrays");
}

TEST_F(Score, RefusesAMissingFile) {
  EXPECT_THROW(score("reconstruction", folder_ / "a.npy", folder_ / "a.npy"),
               Error);
}

TEST_F(Score, RefusesFeaturesThatAreNotFinite) {
  const auto a = save("a.npy", at::full({3, 2}, std::nan("")));
  for (const char* metric :
       {"frechet_distance", "kid", "precision_recall", "reconstruction"}) {
    EXPECT_THROW(score(metric, a, a), Error) << metric;
  }
}

}  // namespace score_test
}  // namespace shalab
