#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>
#include <array>
#include <vector>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"
#include "shalab/pairing.h"
#include "source.h"

namespace shalab::poly_mnist {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kThreshold = 128;  // a stroke is brighter than this
constexpr std::int64_t kSmallSide = 21;   // 28 * 0.75
constexpr std::int64_t kPlaces = kSide - kSmallSide;

// Planar rows: pixels[(c * height + y) * width + x].
struct Background {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;
};

struct Digits {
  std::int64_t side = kSide;
  at::Tensor strokes;  // uint8 [N, side * side], 255 on a stroke, 0 elsewhere
  at::Tensor labels;   // int64 [N]
};

Background read_background(const fs::path& file) {
  const io::Image image = io::read_image(file, kChannels);
  if (image.width <= kSide || image.height <= kSide) {
    throw Error(ErrorKind::data,
                file.string() + " is " + std::to_string(image.width) + " x " +
                    std::to_string(image.height) + " pixels",
                "a background must be at least 29 x 29");
  }
  Background background{image.width, image.height, {}};
  background.pixels.resize(image.pixels.size());
  const std::int64_t plane = image.width * image.height;
  for (std::int64_t i = 0; i < plane; ++i) {
    for (std::int64_t c = 0; c < kChannels; ++c) {
      background.pixels[static_cast<std::size_t>(c * plane + i)] =
          image.pixels[static_cast<std::size_t>(i * kChannels + c)];
    }
  }
  return background;
}

std::vector<Background> read_backgrounds(const std::vector<std::string>& names,
                                         const Services& services) {
  if (names.empty() || names.size() > kMostModalities) {
    throw Error(ErrorKind::usage,
                "dataset.backgrounds lists " + std::to_string(names.size()) +
                    " pictures",
                "give 1 to 64 file names, one per modality");
  }
  std::vector<Background> backgrounds;
  for (const std::string& name : names) {
    backgrounds.push_back(read_background(services.find_data(
        "backgrounds/" + name, "background picture of PolyMNIST")));
  }
  return backgrounds;
}

// uint8 [N, 28, 28] -> uint8 [N, 21, 21]; brightness is cut to whole numbers.
at::Tensor shrunken(const at::Tensor& images) {
  const double scale = static_cast<double>(kSmallSide) / kSide;
  return at::upsample_bilinear2d(images.unsqueeze(1).to(at::kFloat),
                                 {kSmallSide, kSmallSide},
                                 /*align_corners=*/false, scale, scale)
      .to(at::kByte)
      .squeeze(1);
}

Digits read_digits(const std::string& part, bool translated,
                   const Services& services, std::string* digest) {
  const auto find = [&](const std::string& name) {
    return services.find_data("mnist/" + part + name, "MNIST, IDX format");
  };
  const fs::path file = find("-images-idx3-ubyte.gz");
  const io::Array images = io::read_idx(file);
  const io::Array labels = io::read_idx(find("-labels-idx1-ubyte.gz"));
  if (images.shape.size() != 3 || images.shape[1] != kSide ||
      images.shape[2] != kSide || labels.shape.size() != 1 ||
      labels.shape[0] != images.shape[0]) {
    throw Error(ErrorKind::data,
                file.string() +
                    " and its labels are not N x 28 x 28 images and N labels");
  }
  *digest = Digest64()
                .add(*digest)
                .add(images.bytes.data(), images.bytes.size())
                .add(labels.bytes.data(), labels.bytes.size())
                .hex();
  Digits digits;
  digits.labels = io::to_tensor(labels).to(at::kLong);
  if (digits.labels.numel() == 0 ||
      digits.labels.max().item<std::int64_t>() >= kClasses) {
    throw Error(ErrorKind::data,
                file.string() + " has no images, or labels above 9");
  }
  at::Tensor grey = io::to_tensor(images);
  if (translated) grey = shrunken(grey);
  digits.side = grey.size(2);
  digits.strokes =
      (grey.flatten(1) > kThreshold).to(at::kByte).mul_(255).contiguous();
  return digits;
}

using Strokes = std::array<std::uint8_t, kPixels>;

Strokes placed(const std::uint8_t* small, std::int64_t x, std::int64_t y) {
  Strokes strokes{};
  for (std::int64_t row = 0; row < kSmallSide; ++row, small += kSmallSide) {
    std::copy_n(small, kSmallSide, strokes.begin() + (y + row) * kSide + x);
  }
  return strokes;
}

// p where the stroke is 0 and 255 - p where it is 255, which is p xor stroke.
void compose(const Background& background, std::int64_t x, std::int64_t y,
             const std::uint8_t* strokes, std::uint8_t* out) {
  const std::uint8_t* corner =
      background.pixels.data() + y * background.width + x;
  const std::int64_t plane = background.width * background.height;
  for (std::int64_t c = 0; c < kChannels; ++c, corner += plane) {
    for (std::int64_t row = 0; row < kSide; ++row) {
      const std::uint8_t* from = corner + row * background.width;
      const std::uint8_t* stroke = strokes + row * kSide;
      for (std::int64_t i = 0; i < kSide; ++i) *out++ = from[i] ^ stroke[i];
    }
  }
}

class Recipe final : public Source {
 public:
  Recipe(const Settings& settings, const Services& services)
      : seed_(static_cast<std::uint64_t>(settings.integer("seed"))),
        backgrounds_(read_backgrounds(settings.list("backgrounds"), services)) {
    Digest64 digest;
    for (const Background& background : backgrounds_) {
      digest.add(background.pixels.data(), background.pixels.size());
    }
    digest_ = digest.hex();
    const bool translated = settings.flag("translated");
    train_ = read_digits("train", translated, services, &digest_);
    test_ = read_digits("t10k", translated, services, &digest_);
  }

  std::size_t num_modalities() const override { return backgrounds_.size(); }
  std::string digest() const override { return digest_; }

  at::Tensor labels(Part part) const override {
    if (part == Part::validation) return at::empty({0}, at::kLong);
    return digits_of(part).labels;
  }

  // Crop corners lie in 0 .. W - 29 and 0 .. H - 29.
  at::Tensor images(const Selection& selection, std::size_t m) override {
    const Digits& digits = digits_of(selection.part);
    const std::string part = selection.part == Part::test ? "t10k" : "train";
    RecipeStream pairs = stream("pairs/" + part, m);
    RecipeStream crops = stream("crops/" + to_string(selection.split), m);
    RecipeStream places = stream("places/" + to_string(selection.split), m);
    const at::Tensor partner =
        permutation_within_classes(digits.labels, kClasses, pairs);
    const Background& background = backgrounds_[m];
    const std::int64_t size = selection.tuples.numel();
    at::Tensor result = at::empty({size, kChannels, kSide, kSide}, at::kByte);
    const auto* tuple = selection.tuples.const_data_ptr<std::int64_t>();
    const auto* digit = partner.const_data_ptr<std::int64_t>();
    auto* out = result.data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < size; ++i, out += kChannels * kPixels) {
      const Strokes strokes = strokes_of(digits, digit[tuple[i]], places);
      const std::int64_t x = crops.below(background.width - kSide);
      const std::int64_t y = crops.below(background.height - kSide);
      compose(background, x, y, strokes.data(), out);
    }
    return result;
  }

 private:
  const Digits& digits_of(Part part) const {
    return part == Part::test ? test_ : train_;
  }

  RecipeStream stream(const std::string& purpose, std::size_t m) const {
    return {seed_, "poly_mnist/" + purpose + "/m" + std::to_string(m)};
  }

  static Strokes strokes_of(const Digits& digits, std::int64_t digit,
                            RecipeStream& places) {
    const std::uint8_t* from = digits.strokes.const_data_ptr<std::uint8_t>() +
                               digit * digits.side * digits.side;
    if (digits.side == kSmallSide) {
      const std::int64_t x = places.below(kPlaces);
      return placed(from, x, places.below(kPlaces));
    }
    Strokes strokes;
    std::copy_n(from, kPixels, strokes.begin());
    return strokes;
  }

  std::uint64_t seed_;
  std::vector<Background> backgrounds_;
  std::string digest_;
  Digits train_, test_;
};

}  // namespace

std::unique_ptr<Source> open_recipe(const Settings& settings,
                                    const Services& services) {
  return std::make_unique<Recipe>(settings, services);
}

}  // namespace shalab::poly_mnist
