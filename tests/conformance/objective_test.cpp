// Every objective, with the first fusion and sizes that it accepts.

#include "shalab/objective.h"

#include <algorithm>
#include <set>

#include "plugins.h"
#include "shalab/encoder.h"
#include "shalab/fusion.h"
#include "shalab/side_by_side.h"

namespace shalab {
namespace objective_test {

constexpr std::int64_t kLatent = 4;
constexpr std::int64_t kFeatures = 5;
constexpr std::int64_t kBatch = 6;

// Tried in this order: fusion, prior, private features of each encoder.
struct Choice {
  std::string fusion;
  std::string prior;
  std::int64_t private_features = 0;
};

std::vector<Choice> choices() {
  std::vector<Choice> all;
  for (const std::string& fusion : plugins_of("fusion")) {
    for (const std::string prior : {"standard_normal", "laplace"}) {
      for (const std::int64_t size : {0, 2}) {
        all.push_back({fusion, prior, size});
      }
    }
  }
  return all;
}

bool is_built(const std::string& kind, const std::string& name) {
  const auto names = plugins_of(kind);
  return std::find(names.begin(), names.end(), name) != names.end();
}

class SmallModel final : public ModelView {
 public:
  explicit SmallModel(const Choice& choice) {
    torch::manual_seed(1);
    modalities_ = {modality_of("curve", ModalityKind::vector, {3}),
                   modality_of("word", ModalityKind::tokens, {2})};
    FusionContext context{modalities_, {kFeatures, kFeatures}, kLatent, {0, 0}};
    const auto make_fusion = [&] {
      fusion_ = make_plugin<Factory_fusion>("fusion", choice.fusion, context);
    };
    std::int64_t code = kLatent + choice.private_features;
    if (is_usage_error(make_fusion)) {
      context.slots = {2, 2};
      code = 2;
      make_fusion();
    }
    for (const ModalitySpec& modality : modalities_) {
      encoders_.push_back(make_plugin<Factory_encoder>(
          "encoder", "mlp",
          EncoderContext{modality, kFeatures, choice.private_features, code}));
    }
    prior_ = make_plugin<Factory_prior>(
        "prior", choice.prior,
        PriorContext{kLatent, modalities_, {kFeatures, kFeatures}});
  }

  const std::vector<ModalitySpec>& modalities() const override {
    return modalities_;
  }
  std::vector<Features> encode(const Batch& batch) override {
    std::vector<Features> all;
    for (std::size_t m = 0; m < encoders_.size(); ++m) {
      all.push_back(encoders_[m]->encode(batch.data[m]));
    }
    return all;
  }
  Posterior fuse(const std::vector<Features>& features,
                 const at::Tensor& presence) override {
    return fusion_->fuse(features, presence);
  }
  Likelihood decode(std::size_t modality, const at::Tensor& code) override {
    return encoders_[modality]->decode(code);
  }
  Prior& prior() override { return *prior_; }
  bool serves(ModalitySubset subset) const override {
    return fusion_->serves(subset);
  }
  ObjectiveContext context() const {
    return {modalities_, {kFeatures, kFeatures}, kLatent};
  }
  const std::vector<std::shared_ptr<Encoder>>& encoders() const {
    return encoders_;
  }

 private:
  std::vector<ModalitySpec> modalities_;
  std::shared_ptr<Fusion> fusion_;
  std::vector<std::shared_ptr<Encoder>> encoders_;
  std::shared_ptr<Prior> prior_;
};

Batch small_batch() {
  Batch batch;
  batch.data = {
      data_of(modality_of("curve", ModalityKind::vector, {3}), kBatch),
      data_of(modality_of("word", ModalityKind::tokens, {2}), kBatch)};
  batch.presence = at::ones({kBatch, 2}, at::kBool);
  return batch;
}

class ObjectiveConformance : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    for (const Choice& choice : choices()) {
      if (!is_built("prior", choice.prior)) continue;
      if (!is_usage_error([&] { terms_with(choice); })) return;
    }
    FAIL() << "no fusion, prior and private size of the list fits";
  }

  // Leaves model_ and objective_ behind.
  Terms terms_with(const Choice& choice) {
    model_ = std::make_unique<SmallModel>(choice);
    objective_ = make_plugin<Factory_objective>("objective", GetParam(),
                                                model_->context());
    for (const ModalitySubset subset : objective_->needed_subsets()) {
      if (!model_->serves(subset)) {
        throw Error(ErrorKind::usage, "the fusion serves too little");
      }
    }
    return terms(1);
  }

  Terms terms(std::uint64_t seed) {
    auto generator = make_generator(seed, "objective");
    const StepInfo info{0, 10, 0.5, generator};
    return objective_->terms(*model_, small_batch(), info);
  }

  std::unique_ptr<SmallModel> model_;
  std::shared_ptr<Objective> objective_;
};

TEST_P(ObjectiveConformance, GivesAFiniteLossAndNamedScalars) {
  const Terms given = terms(1);
  EXPECT_TRUE(given.loss.isfinite().item<bool>());
  std::set<std::string> names;
  for (const auto& [name, value] : given.named) {
    EXPECT_TRUE(names.insert(name).second) << name << " twice";
    EXPECT_EQ(value.dim(), 0) << name;
    EXPECT_TRUE(value.isfinite().item<bool>()) << name;
  }
  EXPECT_FALSE(names.empty());
}

TEST_P(ObjectiveConformance, EqualGeneratorsGiveEqualLosses) {
  EXPECT_TRUE(at::equal(terms(1).loss, terms(1).loss));
}

class Backwards final : public SideBySide {
 public:
  void run(std::size_t count,
           const std::function<void(std::size_t)>& body) override {
    for (std::size_t i = count; i > 0; --i) body(i - 1);
  }
};

// What it computes side by side does not depend on the order.
TEST_P(ObjectiveConformance, ModalitiesDoNotReadEachOther) {
  const at::Tensor loss = terms(1).loss;
  Backwards way;
  const SideBySideScope scope(way);
  EXPECT_TRUE(at::equal(terms(1).loss, loss));
}

TEST_P(ObjectiveConformance, GradientsReachItselfAndTheEncoders) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) terms(seed).loss.backward();
  expect_gradients_everywhere(*objective_);
  for (const auto& encoder : model_->encoders()) {
    expect_gradients_everywhere(*encoder);
  }
}

TEST_P(ObjectiveConformance, LeavesTheBatchAlone) {
  Batch batch = small_batch();
  auto generator = make_generator(1, "objective");
  const StepInfo info{0, 10, 0.5, generator};
  objective_->terms(*model_, batch, info);
  for (std::size_t m = 0; m < batch.data.size(); ++m) {
    EXPECT_TRUE(at::equal(batch.data[m], small_batch().data[m]));
  }
}

INSTANTIATE_TEST_SUITE_P(Conformance, ObjectiveConformance,
                         testing::ValuesIn(plugins_of("objective")), test_name);

}  // namespace objective_test
}  // namespace shalab
