#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>

#include "run/sample.h"
#include "shalab/error.h"

namespace shalab {

namespace {

at::Tensor read_picture(const std::string& file, const ModalitySpec& modality) {
  auto image = io::read_image(file, modality.shape[0]);
  const auto pixels =
      at::from_blob(image.pixels.data(),
                    {1, image.height, image.width, image.channels}, at::kByte)
          .to(at::kFloat)
          .div(255)
          .permute({0, 3, 1, 2})
          .contiguous();
  const auto height = modality.shape[1];
  const auto width = modality.shape[2];
  if (image.height == height && image.width == width) {
    return pixels;
  }
  return at::upsample_bilinear2d(pixels, {height, width}, false);
}

at::Tensor read_tokens(const std::string& text, const ModalitySpec& modality) {
  const auto& symbols = modality.vocabulary;
  std::vector<std::int64_t> tokens;
  for (const char c : text) {
    const auto found =
        std::find(symbols.begin(), symbols.end(), std::string(1, c));
    if (found == symbols.end()) {
      throw Error(ErrorKind::usage,
                  "symbol '" + std::string(1, c) + "' of '" + text +
                      "' is not in the vocabulary of modality '" +
                      modality.name + "'",
                  "use only its " + std::to_string(symbols.size()) +
                      " symbols (shalab data show)");
    }
    tokens.push_back(found - symbols.begin());
  }
  const auto length = static_cast<std::size_t>(modality.shape[0]);
  if (tokens.size() > length) {
    throw Error(ErrorKind::usage,
                "'" + text + "' is longer than the " + std::to_string(length) +
                    " symbols of modality '" + modality.name + "'",
                "shorten it");
  }
  const auto blank = std::find(symbols.begin(), symbols.end(), " ");
  tokens.resize(length, blank == symbols.end() ? 0 : blank - symbols.begin());
  return at::tensor(tokens, at::kLong).unsqueeze(0);
}

}  // namespace

at::Tensor read_input(const std::string& text, const ModalitySpec& modality) {
  switch (modality.kind) {
    case ModalityKind::image:
      return read_picture(text, modality);
    case ModalityKind::tokens:
      return read_tokens(text, modality);
    case ModalityKind::vector:
      break;
  }
  throw Error(ErrorKind::usage,
              "modality '" + modality.name + "' holds vectors",
              "inputs are pictures or text; use the test split for vectors");
}

}  // namespace shalab
