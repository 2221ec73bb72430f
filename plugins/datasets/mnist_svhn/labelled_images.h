#pragma once
// Pictures with one class of ten each, as MNIST's files hold them.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

namespace shalab::mnist_svhn {

inline constexpr std::int64_t kClasses = 10;

struct LabelledImages {
  at::Tensor images;  // uint8 [N, C, H, W], N >= 1
  at::Tensor labels;  // int64 [N], in 0 .. 9
};

// Grey 28 x 28 pictures and their labels, IDX. Error(data) that names the file:
// unreadable, other shapes or counts, labels above 9.
LabelledImages read_idx_images(const std::filesystem::path& images_file,
                               const std::filesystem::path& labels_file);

// Error(data) that names `file` unless each of the ten classes occurs.
void require_every_class(const LabelledImages& pictures,
                         const std::filesystem::path& file);

}  // namespace shalab::mnist_svhn
