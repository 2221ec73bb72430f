#include "run/score_input.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>

#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"

namespace shalab {

namespace {

namespace fs = std::filesystem;

bool is_picture_file(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && is_picture_file(entry.path())) {
      files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    throw Error(ErrorKind::usage,
                "no .png, .jpg or .jpeg files in " + folder.string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

io::Array only_member(const fs::path& file) {
  io::NamedArrays members = io::read_npz(file);
  if (members.size() != 1) {
    throw Error(ErrorKind::usage,
                file.string() + " holds " + std::to_string(members.size()) +
                    " arrays, expected one",
                "save the array to compare as a .npy");
  }
  return std::move(members.begin()->second);
}

at::Tensor read_array(const fs::path& file) {
  const std::string ending = file.extension().string();
  if (ending != ".npy" && ending != ".npz") {
    throw Error(ErrorKind::usage,
                file.string() + " is neither .npy nor .npz nor a folder",
                "give arrays, or folders of PNG or JPEG pictures");
  }
  const io::Array array =
      ending == ".npy" ? io::read_npy(file) : only_member(file);
  const at::Tensor tensor = io::to_tensor(array);
  if (tensor.dim() == 0 || tensor.size(0) == 0) {
    throw Error(ErrorKind::usage, file.string() + " holds an empty array");
  }
  return tensor;
}

at::Tensor to_tensor(const io::Image& image) {
  const at::Tensor pixels =
      at::tensor(at::ArrayRef<std::uint8_t>(image.pixels), at::kByte);
  return pixels.view({image.height, image.width, image.channels})
      .permute({2, 0, 1});
}

bool is_channels(std::int64_t size) { return size == 1 || size == 3; }

}  // namespace

ScoreInput::ScoreInput(const fs::path& path) : path_(path) {
  if (fs::is_directory(path)) {
    pictures_ = pictures_in(path);
  } else {
    array_ = read_array(path);
  }
}

std::int64_t ScoreInput::size() const {
  return is_folder() ? static_cast<std::int64_t>(pictures_.size())
                     : array_.size(0);
}

at::Tensor ScoreInput::row(std::int64_t i) const {
  if (!is_folder()) return array_[i];
  return to_tensor(io::read_image(pictures_[static_cast<std::size_t>(i)]));
}

std::string ScoreInput::name(std::int64_t i) const {
  if (is_folder()) return pictures_[static_cast<std::size_t>(i)].string();
  return path_.string() + " row " + std::to_string(i);
}

at::Tensor ScoreInput::picture(std::int64_t i) const {
  at::Tensor x = row(i);
  if (x.dim() == 2) x = x.unsqueeze(0);
  if (x.dim() == 3 && !is_channels(x.size(0)) && is_channels(x.size(2))) {
    x = x.permute({2, 0, 1});
  }
  if (x.dim() != 3 || !is_channels(x.size(0))) {
    throw Error(ErrorKind::usage, name(i) + " is no picture",
                "expected [N, H, W], [N, C, H, W] or [N, H, W, C], C 1 or 3");
  }
  const bool bytes = x.scalar_type() == at::kByte;
  x = bytes ? x.to(at::kDouble) / 255.0 : x.to(at::kDouble);
  if (!((x >= 0) & (x <= 1)).all().item<bool>()) {
    throw Error(ErrorKind::usage, name(i) + " has values outside [0, 1]",
                "scale real values to [0, 1], or save them as u8");
  }
  return x.unsqueeze(0);
}

}  // namespace shalab
