#include "run/sample.h"

#include <gtest/gtest.h>

#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "tiny_model.h"

namespace shalab {
namespace sample_test {

constexpr std::int64_t kObjects = 6;

std::vector<ModalitySpec> two_pictures() {
  std::vector<ModalitySpec> modalities = two_numbers();
  for (ModalitySpec& modality : modalities) {
    modality.kind = ModalityKind::image;
    modality.shape = {1, 2, 2};
  }
  return modalities;
}

// Pictures of one level: i / 10 in view a, .9 in view b; a is absent of 0.
class Objects final : public Dataset {
 public:
  const std::vector<ModalitySpec>& modalities() const override {
    return specs_;
  }
  std::int64_t size(Split) const override { return kObjects; }
  void to(c10::Device) override {}
  std::string fingerprint() const override { return "objects"; }

 protected:
  Batch do_gather(Split, const at::Tensor& indices) const override {
    Batch batch;
    const at::Tensor a = indices.to(at::kFloat)
                             .div(10)
                             .view({-1, 1, 1, 1})
                             .expand({-1, 1, 2, 2});
    batch.data = {a, at::full_like(a, 0.9)};
    batch.presence = at::ones({indices.size(0), 2}, at::kBool);
    batch.presence.select(1, 0).copy_(indices > 0);
    batch.ids = indices;
    return batch;
  }

 private:
  std::vector<ModalitySpec> specs_ = two_pictures();
};

// Features: the mean level. Decodes a code of one number as its level.
class LevelEncoder final : public Encoder {
 public:
  explicit LevelEncoder(const EncoderContext& context) : Encoder(context) {}

 protected:
  Features do_encode(const at::Tensor& x) override {
    return {x.flatten(1).mean(1, true), {}};
  }
  Likelihood do_decode(const at::Tensor& code) override {
    return Likelihood::normal(
        code.view({-1, 1, 1, 1}).expand({-1, 1, 2, 2}).contiguous(), 1.0, 3);
  }
};

// z = the level of the first modality that is present, nearly certain.
class LevelFusion final : public Fusion {
 public:
  explicit LevelFusion(FusionContext context) : Fusion(std::move(context)) {}
  std::string serves_what() const override { return "every subset"; }

 protected:
  Posterior do_fuse(const std::vector<Features>& features,
                    const at::Tensor& presence) override {
    const at::Tensor location = at::where(
        presence.slice(1, 0, 1), features[0].shared, features[1].shared);
    return Posterior::normal(location, at::full_like(location, -20));
  }
  bool do_serves(ModalitySubset) const override { return true; }
};

class Sample : public ::testing::Test {
 protected:
  Sample() {
    context_.services = quiet_services();
    const auto modalities = two_pictures();
    std::vector<std::shared_ptr<Encoder>> encoders;
    for (const ModalitySpec& modality : modalities) {
      encoders.push_back(
          std::make_shared<LevelEncoder>(EncoderContext{modality, 1, 0, 1}));
    }
    model_ = std::make_shared<MultimodalModel>(
        modalities, LatentSizes{1, 0}, std::move(encoders),
        std::make_shared<LevelFusion>(
            FusionContext{modalities, {1, 1}, 1, {0, 0}}),
        std::make_shared<StandardPrior>(), nullptr);
  }

  SampleSet make(const SampleRequest& request) {
    const GenerationView view{*model_, objects_, context_, judges_, 100};
    return make_samples(view, {"posterior", nullptr}, request);
  }

  SampleRequest views_of(ModalitySubset given, std::int64_t count) const {
    SampleRequest request;
    request.kind = "views";
    request.given = given;
    request.count = count;
    return request;
  }

  Objects objects_;
  RunContext context_;
  JudgeBank judges_;
  std::shared_ptr<MultimodalModel> model_;
};

// Object 0 lacks view a, so objects 1 and 2 are shown.
TEST_F(Sample, ViewsShowObjectsThatHaveTheGivenOnes) {
  const SampleSet set = make(views_of(ModalitySubset::only(0), 2));
  EXPECT_EQ(set.name, "views_a_posterior");
  ASSERT_EQ(set.originals.count("given.a"), 1U);
  ASSERT_EQ(set.originals.count("truth.b"), 1U);
  EXPECT_EQ(set.originals.size(), 2U);
  const at::Tensor levels = at::tensor({0.1F, 0.2F});
  EXPECT_TRUE(
      at::allclose(set.originals.at("given.a").select(3, 0)[0].flatten(),
                   levels.slice(0, 0, 1).expand({2})));
  const at::Tensor drawn = set.samples[1].flatten(1).mean(1);
  EXPECT_TRUE(at::allclose(drawn, levels, 0, 1e-2)) << drawn;
  EXPECT_EQ(set.rows.size(), 4U);
}

TEST_F(Sample, ViewsWriteWhatWasSeenTrueAndDrawn) {
  const SampleSet set = make(views_of(ModalitySubset::only(1), 3));
  const auto folder = std::filesystem::path(testing::TempDir()) / "views";
  const auto files = write_samples(set, two_pictures(), folder);
  ASSERT_EQ(files.size(), 2U);
  const io::NamedArrays arrays = io::read_npz(files[1]);
  for (const char* name : {"latents", "a", "b", "given.b", "truth.a"}) {
    EXPECT_EQ(arrays.count(name), 1U) << name;
  }
  const io::Image grid = io::read_image(files[0]);
  EXPECT_GT(grid.height, 3 * 2 * 2);
  std::filesystem::remove_all(folder);
}

TEST_F(Sample, ViewsNeedATruthToCompareWith) {
  SampleRequest request = views_of(ModalitySubset::only(0), 2);
  request.inputs[0] = at::zeros({1, 1, 2, 2});
  EXPECT_THROW(make(request), Error);
  EXPECT_THROW(make(views_of(ModalitySubset::all(2), 2)), Error);
  EXPECT_THROW(make(views_of(ModalitySubset::only(0), kObjects)), Error);
}

// To a half of one of 255 levels, which pictures are rounded to.
TEST_F(Sample, InterpolationGoesEvenlyFromOneTupleToTheNext) {
  SampleRequest request;
  request.kind = "interpolate";
  request.count = 3;
  const at::Tensor levels = make(request).samples[0].flatten(1).mean(1);
  EXPECT_TRUE(at::allclose(levels, at::tensor({0.9F, 0.5F, 0.1F}), 0, 2e-3))
      << levels;
}

TEST_F(Sample, RefusesAnUnknownKind) {
  SampleRequest request = views_of(ModalitySubset::only(0), 2);
  request.kind = "view";
  EXPECT_THROW(make(request), Error);
}

}  // namespace sample_test
}  // namespace shalab
