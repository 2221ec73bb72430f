#pragma once
// A user's samples as a dataset of one modality, "sample".

#include <filesystem>
#include <string>
#include <vector>

#include "shalab/dataset.h"

namespace shalab {

// N samples of one .npy, of a .npz with one array, or of a folder of PNG and
// JPEG pictures in the order of their names; every split is all of them.
//   image   a folder (grey becomes RGB beside RGB pictures); arrays [N, H, W],
//           [N, C, H, W] or [N, H, W, C], C 1 or 3, u8 or real in [0, 1]
//   tokens  integers that are no u8: [N, ...] as [N, T]
//   vector  everything else: [N, ...] as [N, D], u8 scaled to [0, 1]
// Real values are handed out as double: [B, C, H, W], [B, D].
class SampleFiles final : public Dataset {
 public:
  // Error(usage) when `path` is neither array nor folder with pictures, holds
  // no sample or pictures of several sizes; Error(data) when it cannot be read
  // or holds values that are not finite.
  explicit SampleFiles(const std::filesystem::path& path);

  const std::vector<ModalitySpec>& modalities() const override {
    return specs_;
  }
  const ModalitySpec& spec() const { return specs_.front(); }
  std::int64_t size(Split) const override { return samples_.size(0); }
  void to(c10::Device device) override;
  std::string fingerprint() const override;  // a digest of the values

  // "real.npy: 3 vectors [2]"; "folder: 20 images [3, 64, 64]".
  std::string description() const;

 protected:
  Batch do_gather(Split split, const at::Tensor& indices) const override;

 private:
  void read_pictures();
  void read_array();

  std::filesystem::path path_;
  at::Tensor samples_;
  std::vector<ModalitySpec> specs_;
};

}  // namespace shalab
