#include "model/multimodal_model.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab {
namespace multimodal_model_test {

// Features x; decodes a code to N(code, 1).
class Mirror final : public Encoder {
 public:
  using Encoder::Encoder;

 protected:
  Features do_encode(const at::Tensor& x) override { return {x, {}}; }
  Likelihood do_decode(const at::Tensor& code) override {
    return Likelihood::normal(code, 1.0, 1);
  }
};

class ZeroFusion final : public Fusion {
 public:
  using Fusion::Fusion;
  std::string serves_what() const override { return "every subset"; }

 protected:
  Posterior do_fuse(const std::vector<Features>&,
                    const at::Tensor& presence) override {
    return Posterior::dirac(at::zeros({presence.size(0), context().latent}));
  }
  bool do_serves(ModalitySubset) const override { return true; }
};

class NoPrior final : public Prior {
 public:
  NoPrior() : Prior(PriorContext{3, {}, {}}) {}
  PriorTraits traits() const override { return {}; }

 protected:
  Draw do_sample(std::int64_t n, at::Generator&) override {
    return {at::zeros({n, 3}), 0};
  }
};

// Two modalities, z of three columns; codes[m] is what decoder m takes.
std::shared_ptr<MultimodalModel> model_with(
    const std::vector<std::int64_t>& slots,
    const std::vector<std::int64_t>& codes, std::int64_t private_size = 0) {
  const std::vector<ModalitySpec> modalities = {
      {"a", ModalityKind::vector, {1}, {}, "normal"},
      {"b", ModalityKind::vector, {1}, {}, "normal"}};
  std::vector<std::shared_ptr<Encoder>> encoders;
  std::vector<std::string> names;
  for (std::size_t m = 0; m < 2; ++m) {
    encoders.push_back(std::make_shared<Mirror>(
        EncoderContext{modalities[m], 1, 0, codes[m]}));
    names.push_back(modalities[m].name);
  }
  auto own = private_size == 0 ? nullptr
                               : std::make_shared<PrivateLatents>(
                                     PrivateOptions{private_size, {}}, names,
                                     std::vector<std::int64_t>{1, 1});
  return std::make_shared<MultimodalModel>(
      modalities, LatentSizes{3, private_size}, std::move(encoders),
      std::make_shared<ZeroFusion>(FusionContext{modalities, {1, 1}, 3, slots}),
      std::make_shared<NoPrior>(), std::move(own));
}

TEST(MultimodalModel, DecodersMeetTheirOwnSlots) {
  const auto model = model_with({1, 2}, {1, 2});
  const at::Tensor z = at::arange(6, at::kFloat).view({2, 3});
  EXPECT_TRUE(at::equal(model->decode(0, z).mean(), z.narrow(1, 0, 1)));
  EXPECT_TRUE(at::equal(model->decode(1, z).mean(), z.narrow(1, 1, 2)));
}

TEST(MultimodalModel, LaysPicturesOutAsTheirNetworksWeights) {
  constexpr auto kLast = at::MemoryFormat::ChannelsLast;
  const auto model = model_with({}, {3, 3});
  model->encoder(0).register_parameter("weight", at::ones({4, 2, 3, 3}));
  set_memory_format(*model, kLast);
  const at::Tensor pictures = at::rand({5, 2, 6, 6}), rows = at::rand({5, 1});
  Batch batch;
  batch.data = {pictures, rows};
  const Batch last = model->laid_out(batch);
  EXPECT_TRUE(last.data[0].is_contiguous(kLast));
  EXPECT_TRUE(last.data[0].equal(pictures));
  EXPECT_TRUE(last.data[1].is_same(rows));
  set_memory_format(*model, at::MemoryFormat::Contiguous);
  EXPECT_TRUE(model->laid_out(last).data[0].is_contiguous());
}

TEST(MultimodalModel, DecodersMeetAllOfZWithoutSlots) {
  const at::Tensor z = at::arange(6, at::kFloat).view({2, 3});
  for (const std::vector<std::int64_t>& none :
       {std::vector<std::int64_t>{}, std::vector<std::int64_t>{0, 0}}) {
    const auto model = model_with(none, {3, 3});
    EXPECT_TRUE(at::equal(model->decode(1, z).mean(), z));
  }
}

TEST(MultimodalModel, RefusesSlotsBesidePrivateLatents) {
  try {
    model_with({1, 2}, {1, 2}, 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.hint().find("latent.private = 0"), std::string::npos);
  }
}

}  // namespace multimodal_model_test
}  // namespace shalab
