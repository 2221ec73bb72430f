#include "run/sample_files.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"

namespace shalab {

namespace {

namespace fs = std::filesystem;

std::string sizes_text(at::IntArrayRef sizes) {
  std::string text;
  for (const std::int64_t size : sizes) {
    text += (text.empty() ? "[" : ", ") + std::to_string(size);
  }
  return text.empty() ? "[]" : text + "]";
}

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

at::Tensor to_tensor(const io::Image& image) {
  const at::Tensor pixels =
      at::tensor(at::ArrayRef<std::uint8_t>(image.pixels), at::kByte);
  return pixels.view({image.height, image.width, image.channels})
      .permute({2, 0, 1});
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

at::Tensor read_rows(const fs::path& file) {
  const std::string ending = file.extension().string();
  if (ending != ".npy" && ending != ".npz") {
    throw Error(ErrorKind::usage,
                file.string() + " is neither .npy nor .npz nor a folder",
                "give arrays, or folders of PNG or JPEG pictures");
  }
  const io::Array array =
      ending == ".npy" ? io::read_npy(file) : only_member(file);
  const at::Tensor rows = io::to_tensor(array);
  if (rows.dim() == 0 || rows.numel() == 0) {
    throw Error(ErrorKind::usage, file.string() + " holds an empty array");
  }
  if (!at::isfinite(rows).all().item<bool>()) {
    throw Error(ErrorKind::data,
                file.string() + " holds values that are not finite",
                "look for NaN or infinite values in the file");
  }
  return rows;
}

bool is_channels(std::int64_t size) { return size == 1 || size == 3; }

// [N, C, H, W], or undefined where rows are no pictures by their shape.
at::Tensor as_pictures(const at::Tensor& rows) {
  if (rows.dim() == 3) return rows.unsqueeze(1);
  if (rows.dim() != 4) return {};
  if (is_channels(rows.size(1))) return rows;
  return is_channels(rows.size(3)) ? rows.permute({0, 3, 1, 2}) : at::Tensor();
}

at::Tensor as_table(const at::Tensor& rows) {
  return rows.dim() == 1 ? rows.unsqueeze(1) : rows.flatten(1);
}

bool in_unit_range(const at::Tensor& x) {
  return x.scalar_type() == at::kByte ||
         ((x >= 0) & (x <= 1)).all().item<bool>();
}

}  // namespace

SampleFiles::SampleFiles(const fs::path& path) : path_(path), specs_(1) {
  specs_[0].name = "sample";
  if (fs::is_directory(path)) {
    read_pictures();
  } else {
    read_array();
  }
  specs_[0].shape = samples_.sizes().slice(1).vec();
}

void SampleFiles::read_pictures() {
  std::vector<at::Tensor> pictures;
  const auto files = pictures_in(path_);
  std::int64_t channels = 1;
  for (const fs::path& file : files) {
    pictures.push_back(to_tensor(io::read_image(file)));
    channels = std::max(channels, pictures.back().size(0));
    const auto size = pictures.back().sizes(), first = pictures[0].sizes();
    if (size.slice(1) == first.slice(1)) continue;
    throw Error(ErrorKind::usage,
                file.string() + " is " + sizes_text(size) + ", " +
                    files.front().string() + " is " + sizes_text(first),
                "all pictures of one side need one size");
  }
  for (at::Tensor& picture : pictures)
    picture = picture.expand({channels, -1, -1});
  samples_ = at::stack(pictures);
  specs_[0].kind = ModalityKind::image;
}

void SampleFiles::read_array() {
  const at::Tensor rows = read_rows(path_);
  const bool bytes = rows.scalar_type() == at::kByte;
  if (at::isIntegralType(rows.scalar_type(), true) && !bytes) {
    specs_[0].kind = ModalityKind::tokens;
    samples_ = as_table(rows).to(at::kLong);
    return;
  }
  const at::Tensor pictures = as_pictures(rows);
  if (pictures.defined() && in_unit_range(pictures)) {
    specs_[0].kind = ModalityKind::image;
    samples_ = pictures;
    return;
  }
  samples_ = as_table(rows);
}

void SampleFiles::to(c10::Device device) { samples_ = samples_.to(device); }

std::string SampleFiles::fingerprint() const {
  const at::Tensor bytes = samples_.cpu().contiguous();
  return Digest64()
      .add(sizes_text(bytes.sizes()))
      .add(bytes.const_data_ptr(), bytes.nbytes())
      .hex();
}

std::string SampleFiles::description() const {
  const bool one = samples_.size(0) == 1;
  const std::string kind = spec().kind == ModalityKind::tokens
                               ? "rows of tokens"
                               : to_string(spec().kind) + (one ? "" : "s");
  return path_.string() + ": " + std::to_string(samples_.size(0)) + " " + kind +
         " " + sizes_text(spec().shape);
}

Batch SampleFiles::do_gather(Split, const at::Tensor& indices) const {
  at::Tensor rows = samples_.index_select(0, indices);
  if (rows.scalar_type() == at::kByte) {
    rows = rows.to(at::kDouble) / 255.0;
  } else if (spec().kind != ModalityKind::tokens) {
    rows = rows.to(at::kDouble);
  }
  Batch batch;
  batch.data = {rows};
  batch.presence =
      at::ones({indices.size(0), 1}, indices.options().dtype(at::kBool));
  batch.ids = indices;
  return batch;
}

}  // namespace shalab
