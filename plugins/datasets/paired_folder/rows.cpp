#include "rows.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "shalab/error.h"
#include "shalab/io/images.h"
#include "shalab/io/resize.h"
#include "shalab/io/tensors.h"

namespace shalab::paired_folder {

namespace fs = std::filesystem;

namespace {

// uint8 [C, H, W].
at::Tensor to_tensor(io::Image image) {
  return at::from_blob(image.pixels.data(),
                       {image.height, image.width, image.channels}, at::kByte)
      .permute({2, 0, 1})
      .clone(at::MemoryFormat::Contiguous);
}

std::string described(const at::Tensor& row) {
  return std::string(c10::toString(row.scalar_type())) + " " +
         c10::str(row.sizes());
}

// rows[i] is undefined where files[i] is empty.
at::Tensor stacked(const std::vector<at::Tensor>& rows, const Files& files,
                   const std::string& cure) {
  at::Tensor all;
  std::size_t first = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].defined()) continue;
    if (!all.defined()) {
      first = i;
      std::vector<std::int64_t> shape = rows[i].sizes().vec();
      shape.insert(shape.begin(), static_cast<std::int64_t>(rows.size()));
      all = at::zeros(shape, rows[i].options());
    }
    if (rows[i].sizes() != rows[first].sizes() ||
        rows[i].scalar_type() != rows[first].scalar_type()) {
      throw Error(ErrorKind::data,
                  files[i].string() + " is " + described(rows[i]) + ", but " +
                      files[first].string() + " is " + described(rows[first]),
                  cure);
    }
    all[static_cast<std::int64_t>(i)].copy_(rows[i]);
  }
  return all;
}

}  // namespace

at::Tensor read_pictures(const Files& files, std::int64_t side) {
  std::vector<at::Tensor> rows(files.size());
  std::int64_t channels = 1;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].empty()) continue;
    io::Image picture = io::read_image(files[i]);
    if (side > 0) {
      picture = io::resized(picture, side, side, io::ResizeFilter::bilinear);
    }
    rows[i] = to_tensor(std::move(picture));
    channels = std::max(channels, rows[i].size(0));
  }
  for (at::Tensor& row : rows) {
    if (row.defined()) row = row.expand({channels, row.size(1), row.size(2)});
  }
  return stacked(rows, files,
                 "make all pictures of a modality one size, or have them "
                 "resized: dataset.image_side = 64");
}

at::Tensor read_arrays(const Files& files) {
  std::vector<at::Tensor> rows(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i].empty()) rows[i] = io::to_tensor(io::read_npy(files[i]));
  }
  return stacked(rows, files,
                 "all arrays of a modality must have one shape and one type");
}

std::vector<std::string> read_texts(const Files& files) {
  std::vector<std::string> texts;
  for (const fs::path& file : files) {
    texts.emplace_back();
    if (file.empty()) continue;
    std::ifstream stream(file, std::ios::binary);
    std::string& text = texts.back();
    text.assign(std::istreambuf_iterator<char>(stream), {});
    if (!stream) {
      throw Error(ErrorKind::data, file.string() + " cannot be read",
                  "a text file is expected");
    }
    for (char& c : text) {
      if (c == '\n' || c == '\r' || c == '\t') c = ' ';
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text.erase(0, text.find_first_not_of(' '));
  }
  return texts;
}

}  // namespace shalab::paired_folder
