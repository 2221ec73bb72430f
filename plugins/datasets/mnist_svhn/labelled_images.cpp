#include "labelled_images.h"

#include <ATen/ops/bincount.h>

#include <string>

#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/tensors.h"

namespace shalab::mnist_svhn {

namespace {

constexpr std::int64_t kSide = 28;

}  // namespace

LabelledImages read_idx_images(const std::filesystem::path& images_file,
                               const std::filesystem::path& labels_file) {
  const io::Array images = io::read_idx(images_file);
  const io::Array labels = io::read_idx(labels_file);
  if (images.shape.size() != 3 || images.shape[1] != kSide ||
      images.shape[2] != kSide || labels.shape.size() != 1 ||
      labels.shape[0] != images.shape[0] || images.shape[0] == 0) {
    throw Error(ErrorKind::data,
                images_file.string() + " and " + labels_file.string() +
                    " are not N x 28 x 28 images and N labels");
  }
  LabelledImages pictures{io::to_tensor(images).unsqueeze(1),
                          io::to_tensor(labels).to(at::kLong)};
  if (pictures.labels.max().item<std::int64_t>() >= kClasses) {
    throw Error(ErrorKind::data, labels_file.string() + " has labels above 9");
  }
  return pictures;
}

void require_every_class(const LabelledImages& pictures,
                         const std::filesystem::path& file) {
  const at::Tensor counts =
      at::bincount(pictures.labels, /*weights=*/{}, kClasses);
  for (std::int64_t c = 0; c < kClasses; ++c) {
    if (counts[c].item<std::int64_t>() > 0) continue;
    throw Error(ErrorKind::data,
                file.string() + " has no picture of class " + std::to_string(c),
                "pairing by class needs pictures of all ten");
  }
}

}  // namespace shalab::mnist_svhn
