// The energy inside the first stage: its own loss, optimiser and state.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "load_prior.h"
#include "model/tensors_of.h"
#include "run/first_stage.h"
#include "run/step_loop.h"
#include "shalab/random.h"

namespace shalab {
namespace energy_training_test {

constexpr std::int64_t kRows = 32;

std::vector<ModalitySpec> modalities() {
  std::vector<ModalitySpec> specs(2);
  for (int m = 0; m < 2; ++m) {
    specs[m].name = m == 0 ? "photo" : "word";
    specs[m].shape = {3};
    specs[m].default_likelihood = "normal";
  }
  return specs;
}

// Two MLPs, concat, elbo and a small energy; equal weights at each call.
std::unique_ptr<FirstStage> make_stage() {
  at::manual_seed(1);
  std::vector<std::shared_ptr<Encoder>> encoders;
  for (const auto& modality : modalities()) {
    encoders.push_back(make_plugin<Factory_encoder>(
        "encoder", "mlp", EncoderContext{modality, 4, 0, 2}));
  }
  auto fusion = make_plugin<Factory_fusion>(
      "fusion", "concat", FusionContext{modalities(), {4, 4}, 2, {0, 0}});
  auto prior = make_prior("energy", PriorContext{2, modalities(), {4, 4}},
                          {{"langevin_steps", std::int64_t{5}},
                           {"chains", std::int64_t{16}},
                           {"learning_rate", 1e-3}});
  auto objective = make_plugin<Factory_objective>(
      "objective", "elbo", ObjectiveContext{modalities(), {4, 4}, 2});
  auto model = std::make_shared<MultimodalModel>(
      modalities(), LatentSizes{2, 0}, std::move(encoders), std::move(fusion),
      std::move(prior));
  return std::make_unique<FirstStage>(model, objective);
}

Batch rows_at(const at::Tensor& indices) {
  auto generator = make_generator(3, "data");
  Batch batch;
  for (int m = 0; m < 2; ++m) {
    batch.data.push_back(
        at::randn({kRows, 3}, generator).index_select(0, indices));
  }
  batch.presence = at::ones({indices.size(0), 2}, at::kBool);
  return batch;
}

Terms terms_of(FirstStage& stage) {
  auto generator = make_generator(5, "terms");
  return stage.terms(rows_at(at::arange(kRows)), {0, 1, 0.0, generator});
}

bool has_drift(const Terms& terms) {
  return std::ranges::any_of(terms.named, [](const auto& term) {
    return term.first == "prior.drift";
  });
}

TEST(EnergyTraining, AddsItsTermInTrainingOnly) {
  const auto stage = make_stage();
  EXPECT_TRUE(has_drift(terms_of(*stage)));
  stage->eval();
  EXPECT_FALSE(has_drift(terms_of(*stage)));
}

// In eval mode the loss is the objective's alone: encoders and decoders get
// the same gradient from both, the energy none from the objective's.
TEST(EnergyTraining, OwnLossReachesTheEnergyAlone) {
  const auto both = make_stage(), alone = make_stage();
  alone->eval();
  terms_of(*both).loss.backward();
  terms_of(*alone).loss.backward();
  const auto expected = alone->named_parameters();
  for (const auto& item : both->named_parameters()) {
    const auto& gradient = expected[item.key()].grad();
    if (item.key().find(".f.") != std::string::npos) {
      EXPECT_TRUE(item.value().grad().defined()) << item.key();
      EXPECT_FALSE(gradient.defined()) << item.key();
    } else {
      EXPECT_TRUE(at::equal(item.value().grad(), gradient)) << item.key();
    }
  }
}

// Six steps, or three, a new loop from their state, and three more.
NamedTensors trained(bool is_stopped) {
  const auto stage = make_stage();
  RunContext context;
  context.services = quiet_services();
  StageOptions options;
  options.name = "first_stage";
  options.num_items = kRows;
  options.batch_size = 8;
  options.epochs = 2;
  options.max_steps = 6;
  StepHooks hooks;
  hooks.gather = [&](const at::Tensor& indices) {
    return [&, rows = rows_at(indices)](const StepInfo& info) {
      return stage->terms(rows, info);
    };
  };
  const auto parameters = stage->parameters();
  const auto groups = stage->parameter_groups();
  StepLoop first(options, parameters, context, groups);
  if (!is_stopped) {
    first.run(hooks);
    return cloned(tensors_of(*stage, ""));
  }
  hooks.after_step = [](std::int64_t done) { return done == 3; };
  first.run(hooks);
  const auto state = cloned(first.state());
  hooks.after_step = nullptr;
  StepLoop second(options, parameters, context, groups);
  second.restore(3, state);
  second.run(hooks);
  return cloned(tensors_of(*stage, ""));
}

TEST(EnergyTraining, ResumesToTheSameBits) {
  const auto straight = trained(false), resumed = trained(true);
  const auto start = make_stage();
  for (const auto& [name, tensor] : tensors_of(*start, "")) {
    EXPECT_TRUE(at::equal(straight.at(name), resumed.at(name))) << name;
    if (name.find(".f.") == std::string::npos) continue;
    if (!name.ends_with("weight")) continue;  // a bias of f cancels out
    EXPECT_FALSE(at::equal(straight.at(name), tensor)) << name;
  }
}

}  // namespace energy_training_test
}  // namespace shalab
