#pragma once
// A dataset whose splits lie in memory: what most dataset plugins derive from.

#include <array>
#include <string>
#include <vector>

#include "shalab/dataset.h"

namespace shalab {

// N complete tuples in their compact type: images uint8 [N, C, H, W], tokens
// uint8 or int64 [N, T], vectors float [N, D]; labels int64 [N] or undefined.
struct ResidentSplit {
  std::vector<at::Tensor> data;  // by modality index
  at::Tensor labels;

  std::int64_t size() const { return data.empty() ? 0 : data[0].size(0); }
};

// How many of `available` tuples a limit leaves; 0 = all.
std::int64_t limited(std::int64_t available, std::int64_t limit);

// Tuples that the protocol sets aside of `training` ones: 5,000, or a tenth if
// there are fewer than 50,000.
std::int64_t validation_share(std::int64_t training);

// Gathers by one index_select a modality; uint8 images become float / 255
// and tokens int64 after it. Every modality is present in every tuple.
class ResidentDataset : public Dataset {
 public:
  // Throws a failed check unless all splits hold the same modalities in the
  // declared shapes.
  ResidentDataset(std::vector<ModalitySpec> modalities,
                  std::array<ResidentSplit, 3> splits);

  const std::vector<ModalitySpec>& modalities() const override {
    return modalities_;
  }
  std::int64_t size(Split split) const override;
  void to(c10::Device device) override;

 protected:
  Batch do_gather(Split split, const at::Tensor& indices) const override;

 private:
  std::vector<ModalitySpec> modalities_;
  std::array<ResidentSplit, 3> splits_;  // by Split
};

}  // namespace shalab
