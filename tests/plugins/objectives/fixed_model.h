#pragma once
// A model whose posteriors are given and whose decoders ignore the code,
// unless a test says otherwise.

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <vector>

#include "../load.h"
#include "shalab/objective.h"
#include "shalab/random.h"

namespace shalab {

// Two vector modalities "a" and "b" of one dimension, p(x | z) = N(0, 1),
// prior N(0, I), latent of the posterior's size.
class FixedModel final : public ModelView {
 public:
  explicit FixedModel(Posterior posterior)
      : posterior_(std::move(posterior)),
        prior_(make_plugin<Factory_prior>(
            "prior", "standard_normal",
            PriorContext{posterior_.mean().size(1), {}, {}})) {
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
  // T * B rows of presence: `singles` for the subsets of one where given.
  Posterior fuse(const std::vector<Features>&,
                 const at::Tensor& presence) override {
    const std::int64_t rows = posterior_.mean().size(0);
    const std::int64_t times = presence.size(0) / rows;
    std::vector<Posterior> parts;
    for (std::int64_t t = 0; t < times; ++t) {
      const at::Tensor row = presence[t * rows];
      const bool is_single = row.sum().item<std::int64_t>() == 1;
      const auto m = row.to(at::kInt).argmax().item<std::int64_t>();
      const bool is_given = is_single && !singles.empty();
      parts.push_back(is_given ? singles[static_cast<std::size_t>(m)]
                               : posterior_);
    }
    return times == 1 ? parts.front() : stacked(parts);
  }
  Likelihood decode(std::size_t m, const at::Tensor& code) override {
    if (mean) return Likelihood::normal(mean(m, code), 1.0, 1);
    return Likelihood::normal(at::zeros({code.size(0), 1}), 1.0, 1);
  }
  Prior& prior() override { return *prior_; }
  bool serves(ModalitySubset) const override { return true; }
  std::int64_t private_size() const override {
    return privates.empty() ? 0 : privates.front().mean().size(1);
  }
  Posterior private_posterior(std::size_t m, const Features&) override {
    return privates[m];
  }
  Posterior private_prior(std::int64_t rows) const override {
    const at::Tensor zero = at::zeros({rows, private_size()});
    return privates.front().family() == Posterior::Family::laplace
               ? Posterior::laplace(zero, at::ones_like(zero))
               : Posterior::normal(zero, zero);
  }

  ObjectiveContext context() const {
    return {modalities_, {3, 3}, posterior_.mean().size(1), private_size()};
  }

  std::vector<Features> features;   // what encode gives; empty = all equal
  std::vector<Posterior> singles;   // q(z | x_m); empty = the posterior
  std::vector<Posterior> privates;  // q(w_m | x_m); empty = none
  // [N, 1] of a modality and a code [N, C]; empty = zeros.
  std::function<at::Tensor(std::size_t, const at::Tensor&)> mean;

 private:
  // Simple posteriors of B rows each, below one another.
  static Posterior stacked(const std::vector<Posterior>& parts) {
    std::vector<at::Tensor> means, variances;
    for (const Posterior& part : parts) {
      means.push_back(part.mean());
      variances.push_back(part.variance());
    }
    const at::Tensor mean = at::cat(means);
    const at::Tensor variance = at::cat(variances);
    return parts.front().family() == Posterior::Family::laplace
               ? Posterior::laplace(mean, (variance / 2).sqrt())
               : Posterior::normal(mean, variance.log());
  }

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
