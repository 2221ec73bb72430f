#pragma once
// A model with a real fusion, whose decoders give N(slope * sum(code), 1) and
// note the codes that they meet.

#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "../load.h"
#include "shalab/fusion.h"
#include "shalab/objective.h"
#include "shalab/random.h"

namespace shalab {

// M vector modalities "m0", "m1", ... of one dimension, features
// h_m = [x_m, 1], latent of `latent` columns, prior N(0, I). Private
// posteriors are N(x_m, 1) and their prior N(0, 1) in each column.
class FusedModel final : public ModelView {
 public:
  FusedModel(const std::string& fusion, const ChangedKeys& keys,
             std::size_t count, std::int64_t latent = 2,
             std::int64_t private_columns = 0)
      : latent_(latent),
        private_(private_columns),
        prior_(make_plugin<Factory_prior>("prior", "standard_normal",
                                          PriorContext{latent, {}, {}})),
        codes(count) {
    at::manual_seed(1);
    FusionContext context;
    for (std::size_t m = 0; m < count; ++m) {
      ModalitySpec spec;
      spec.name = "m" + std::to_string(m);
      spec.shape = {1};
      modalities_.push_back(spec);
      context.features.push_back(2);
      if (fusion == "slots") context.slots.push_back(1);
    }
    context.modalities = modalities_;
    context.latent = latent;
    fusion_ = make_plugin<Factory_fusion>("fusion", fusion, context, keys);
  }

  const std::vector<ModalitySpec>& modalities() const override {
    return modalities_;
  }
  std::vector<Features> encode(const Batch& batch) override {
    std::vector<Features> features;
    for (const at::Tensor& x : batch.data) {
      features.push_back({at::cat({x, at::ones_like(x)}, 1), {}});
    }
    return features;
  }
  Posterior fuse(const std::vector<Features>& features,
                 const at::Tensor& presence) override {
    fused.push_back(presence);
    return fusion_->fuse(features, presence);
  }
  Likelihood decode(std::size_t modality, const at::Tensor& code) override {
    codes[modality].push_back(code);
    return Likelihood::normal(slope * code.sum(1, true), 1.0, 1);
  }
  Prior& prior() override { return other_prior ? *other_prior : *prior_; }
  bool serves(ModalitySubset subset) const override {
    return fusion_->serves(subset);
  }
  std::int64_t private_size() const override { return private_; }
  Posterior private_posterior(std::size_t, const Features& features) override {
    const at::Tensor mean =
        features.shared.narrow(1, 0, 1).repeat({1, private_});
    return Posterior::normal(mean, at::zeros_like(mean));
  }
  Posterior private_prior(std::int64_t rows) const override {
    const at::Tensor zero = at::zeros({rows, private_});
    return Posterior::normal(zero, zero);
  }

  Fusion& fusion() { return *fusion_; }
  ObjectiveContext context() const {
    return {modalities_, std::vector<std::int64_t>(modalities_.size(), 2),
            latent_, private_};
  }

 private:
  std::int64_t latent_;
  std::int64_t private_;
  std::shared_ptr<Prior> prior_;
  std::vector<ModalitySpec> modalities_;
  std::shared_ptr<Fusion> fusion_;

 public:
  std::vector<std::vector<at::Tensor>> codes;  // by modality and call
  std::vector<at::Tensor> fused;               // presence by call
  std::shared_ptr<Prior> other_prior;          // instead of N(0, I)
  double slope = 0;
};

// A prior without closed forms.
class OpaquePrior final : public Prior {
 public:
  explicit OpaquePrior(std::int64_t latent)
      : Prior(PriorContext{latent, {}, {}}) {}
  PriorTraits traits() const override { return {}; }

 protected:
  Draw do_sample(std::int64_t n, at::Generator&) override {
    return {at::zeros({n, context().latent}), 0};
  }
};

// x_m random of [B, 1]; all present.
inline Batch random_tuples(std::int64_t batch, std::int64_t count) {
  Batch tuples;
  auto generator = make_generator(1, "tuples");
  for (std::int64_t m = 0; m < count; ++m) {
    tuples.data.push_back(at::randn({batch, 1}, generator));
  }
  tuples.presence = at::ones({batch, count}, at::kBool);
  return tuples;
}

// One row of each non-empty subset of three modalities.
inline Batch every_subset_of_three() {
  Batch tuples = random_tuples(7, 3);
  for (std::int64_t row = 0; row < 7; ++row) {
    for (std::int64_t m = 0; m < 3; ++m) {
      if ((((row + 1) >> m) & 1) != 0) continue;
      tuples.presence[row][m] = false;
      tuples.data[static_cast<std::size_t>(m)][row] = 0;
    }
  }
  return tuples;
}

// log N(x_m; 0, 1) of one row.
inline double fit_at(const Batch& batch, std::size_t m, std::int64_t row) {
  const double x = batch.data[m][row].item<double>();
  return -0.5 * (x * x + std::log(2 * M_PI));
}

inline bool is_present(const Batch& batch, std::int64_t row, std::int64_t m) {
  return batch.presence[row][m].item<bool>();
}

inline Terms terms_of(const std::string& objective, FusedModel& model,
                      const Batch& batch, const ChangedKeys& keys = {},
                      double epoch = 0) {
  const auto plugin = make_plugin<Factory_objective>("objective", objective,
                                                     model.context(), keys);
  auto generator = make_generator(1, "objective");
  const StepInfo info{0, 1, epoch, generator};
  return plugin->terms(model, batch, info);
}

inline double term(const Terms& terms, const std::string& name) {
  for (const auto& [key, value] : terms.named) {
    if (key == name) return value.item<double>();
  }
  ADD_FAILURE() << "no term " << name;
  return 0;
}

// The largest gradient that row `row` of x_m receives from the loss.
inline void expect_no_gradient_where_absent(const std::string& objective,
                                            FusedModel& model,
                                            const ChangedKeys& keys = {}) {
  model.slope = 1;
  Batch batch = every_subset_of_three();
  for (at::Tensor& x : batch.data) x.requires_grad_();
  terms_of(objective, model, batch, keys).loss.backward();
  for (std::int64_t m = 0; m < 3; ++m) {
    const at::Tensor size =
        batch.data[static_cast<std::size_t>(m)].grad().abs().squeeze(1);
    const at::Tensor present = batch.presence.select(1, m);
    EXPECT_TRUE(at::equal(size > 0, present)) << m;
    EXPECT_TRUE(size.isfinite().all().item<bool>()) << m;
  }
}

}  // namespace shalab
