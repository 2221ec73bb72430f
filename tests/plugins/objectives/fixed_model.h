#pragma once
// A model whose posterior is given and whose decoders ignore the code.

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "../load.h"
#include "shalab/objective.h"
#include "shalab/random.h"

namespace shalab {

// Two vector modalities "a" and "b" of one dimension, p(x | z) = N(0, 1),
// latent of one dimension, prior N(0, 1).
class FixedModel final : public ModelView {
 public:
  explicit FixedModel(Posterior posterior)
      : posterior_(std::move(posterior)),
        prior_(make_plugin<Factory_prior>("prior", "standard_normal",
                                          PriorContext{1, {}, {}})) {
    for (const char* name : {"a", "b"}) {
      ModalitySpec spec;
      spec.name = name;
      spec.shape = {1};
      modalities_.push_back(spec);
    }
  }

  const std::vector<ModalitySpec>& modalities() const override {
    return modalities_;
  }
  std::vector<Features> encode(const Batch& batch) override {
    if (!features.empty()) return features;
    const at::Tensor equal = at::ones({batch.size(), 3});
    return {{equal, {}}, {equal, {}}};
  }
  Posterior fuse(const std::vector<Features>&, const at::Tensor&) override {
    return posterior_;
  }
  Likelihood decode(std::size_t, const at::Tensor& code) override {
    return Likelihood::normal(at::zeros({code.size(0), 1}), 1.0, 1);
  }
  Prior& prior() override { return *prior_; }
  bool serves(ModalitySubset) const override { return true; }

  ObjectiveContext context() const { return {modalities_, {3, 3}, 1}; }

  std::vector<Features> features;  // what encode gives; empty = all equal

 private:
  Posterior posterior_;
  std::shared_ptr<Prior> prior_;
  std::vector<ModalitySpec> modalities_;
};

// B tuples (1, 2), all present.
inline Batch tuples_of_one_and_two(std::int64_t batch) {
  Batch tuples;
  tuples.data = {at::ones({batch, 1}), at::full({batch, 1}, 2.0f)};
  tuples.presence = at::ones({batch, 2}, at::kBool);
  return tuples;
}

}  // namespace shalab
