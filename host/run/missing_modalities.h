#pragma once
// Incomplete data from complete data: hides modalities at random.

#include <array>
#include <cstdint>
#include <memory>
#include <set>

#include "shalab/dataset.h"

namespace shalab {

struct MissingOptions {
  double rate = 0.0;           // share of the modalities hidden, 0..1
  bool in_all_splits = false;  // or in train only
};

// Hides x_m of a tuple where a uniform number of (seed, split, modality name,
// index) is below the rate: the same in every epoch, on every device and after
// a resume, whatever the batches. Of a tuple that would lose all it keeps the
// modality with the largest number, so rate = 1 leaves exactly one. Hidden
// data are zeros and absent from `presence`. What the inner dataset lacks
// stays absent.
class MissingModalities : public Dataset {
 public:
  MissingModalities(std::unique_ptr<Dataset> inner,
                    const MissingOptions& options, std::uint64_t seed);

  // The subsets that occur in a split, were the inner tuples complete.
  std::set<ModalitySubset> subsets(Split split) const;

  const std::vector<ModalitySpec>& modalities() const override {
    return inner_->modalities();
  }
  std::int64_t size(Split split) const override { return inner_->size(split); }
  void to(c10::Device device) override;
  // The inner one; with what is hidden where the test split is incomplete.
  std::string fingerprint() const override;
  std::string judge_key() const override { return inner_->judge_key(); }
  std::string note() const override { return inner_->note(); }
  std::int64_t num_classes() const override { return inner_->num_classes(); }
  std::vector<JudgeSource> judge_sources() const override {
    return inner_->judge_sources();
  }
  // Known of complete tuples only: nothing where the test split is incomplete.
  std::optional<at::Tensor> exact_log_likelihood(
      const Batch& batch) const override;

 protected:
  Batch do_gather(Split split, const at::Tensor& indices) const override;

 private:
  const at::Tensor& scores(Split split) const {
    return scores_[static_cast<std::size_t>(split)];
  }
  at::Tensor kept(const at::Tensor& scores, const at::Tensor& presence) const;

  std::unique_ptr<Dataset> inner_;
  MissingOptions options_;
  std::uint64_t seed_;
  // Uniform numbers [N, M] by split; undefined where the split stays complete.
  std::array<at::Tensor, 3> scores_;
};

}  // namespace shalab
