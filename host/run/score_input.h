#pragma once
// One side of `shalab score`: rows of an array, or pictures of a folder.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace shalab {

class ScoreInput {
 public:
  // Error(usage) when `path` is neither array nor folder with pictures,
  // Error(data) when it cannot be read. Pictures are read when asked for.
  explicit ScoreInput(const std::filesystem::path& path);

  std::int64_t size() const;  // N
  bool is_folder() const { return !pictures_.empty(); }
  const at::Tensor& array() const { return array_; }  // undefined for a folder

  // Row i as stored: an array's [...], or a picture u8 [C, H, W].
  at::Tensor row(std::int64_t i) const;
  // Row i as a picture, double [1, C, H, W] in [0, 1]. Error(usage) when the
  // array holds no pictures.
  at::Tensor picture(std::int64_t i) const;
  // "file.npy row 3" or "folder/b.png": for messages.
  std::string name(std::int64_t i) const;

 private:
  std::filesystem::path path_;
  at::Tensor array_;
  std::vector<std::filesystem::path> pictures_;
};

}  // namespace shalab
