// PolyMNIST (Sutter et al., "Generalized Multimodal ELBO", 2021): each
// modality shows another handwritten image of the same digit, its strokes
// inverting a random crop of that modality's background.

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <filesystem>
#include <utility>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"
#include "shalab/pairing.h"
#include "shalab/resident_dataset.h"

namespace {

using namespace shalab;

constexpr std::int64_t kSide = 28;
constexpr std::int64_t kPixels = kSide * kSide;
constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kClasses = 10;
constexpr std::uint8_t kStroke = 128;  // a stroke is brighter than this

const std::vector<std::string>& default_backgrounds() {
  static const std::vector<std::string> names = {
      "03milky-way-2695569_1280.jpg", "the_scream_512x652.jpg",
      "08pink-324175_1280.jpg", "07star_field.jpg", "05tree-736885_1280.jpg"};
  return names;
}

void declare_fields(FieldList& fields) {
  fields.list("backgrounds", default_backgrounds(),
              "pictures in the data folder backgrounds/, one per modality");
  fields.integer("seed", 42, "pairs the digits and places the crops")
      .at_least(0);
  fields.integer("train_limit", 0, "training tuples to keep, 0 = all 55,000")
      .at_least(0);
  fields.integer("test_limit", 0, "test tuples to keep, 0 = all 10,000")
      .at_least(0);
}

// Planar rows: pixels[(c * height + y) * width + x].
struct Background {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;
};

struct Digits {
  at::Tensor strokes;  // uint8 [N, 28 * 28], 255 on a stroke and 0 elsewhere
  at::Tensor labels;   // int64 [N]
};

struct Recipe {
  std::uint64_t seed = 0;
  std::vector<Background> backgrounds;
  std::string digest;  // of all that was read
};

Background read_background(const std::filesystem::path& file) {
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

Recipe read_recipe(const Settings& settings, const Services& services) {
  const std::vector<std::string>& names = settings.list("backgrounds");
  if (names.empty() || names.size() > 64) {
    throw Error(ErrorKind::usage,
                "dataset.backgrounds lists " + std::to_string(names.size()) +
                    " pictures",
                "give 1 to 64 file names, one per modality");
  }
  Recipe recipe;
  recipe.seed = static_cast<std::uint64_t>(settings.integer("seed"));
  Digest64 digest;
  for (const std::string& name : names) {
    recipe.backgrounds.push_back(read_background(services.find_data(
        "backgrounds/" + name, "background picture of PolyMNIST")));
    const std::vector<std::uint8_t>& pixels = recipe.backgrounds.back().pixels;
    digest.add(pixels.data(), pixels.size());
  }
  recipe.digest = digest.hex();
  return recipe;
}

Digits read_digits(const std::string& part, const Services& services,
                   std::string* digest) {
  const auto find = [&](const std::string& name) {
    return services.find_data("mnist/" + part + name, "MNIST, IDX format");
  };
  const auto images_file = find("-images-idx3-ubyte.gz");
  const io::Array images = io::read_idx(images_file);
  const io::Array labels = io::read_idx(find("-labels-idx1-ubyte.gz"));
  if (images.shape.size() != 3 || images.shape[1] != kSide ||
      images.shape[2] != kSide || labels.shape.size() != 1 ||
      labels.shape[0] != images.shape[0]) {
    throw Error(ErrorKind::data,
                images_file.string() +
                    " and its labels are not N x 28 x 28 images and N labels");
  }
  *digest = Digest64()
                .add(*digest)
                .add(images.bytes.data(), images.bytes.size())
                .add(labels.bytes.data(), labels.bytes.size())
                .hex();
  Digits digits;
  digits.strokes = (io::to_tensor(images).view({-1, kPixels}) > kStroke)
                       .to(at::kByte)
                       .mul_(255);
  digits.labels = io::to_tensor(labels).to(at::kLong);
  if (digits.labels.numel() == 0 ||
      digits.labels.max().item<std::int64_t>() >= kClasses) {
    throw Error(ErrorKind::data,
                images_file.string() + " has no images, or labels above 9");
  }
  return digits;
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

// Which tuples a split holds, and under which name its crops are drawn. A tuple
// is named by the index of one digit of its class in the MNIST part.
struct Selection {
  std::string part;   // "train" or "t10k"
  std::string split;  // "train", "validation", "test"
  at::Tensor tuples;  // int64 [N]
};

// Images of modality m: uint8 [N, 3, 28, 28]. Each digit is used once over all
// tuples of a part; crop corners lie in 0 .. W - 29 and 0 .. H - 29.
at::Tensor compose_modality(const Recipe& recipe, const Digits& digits,
                            const Selection& selection, std::size_t m) {
  const std::string suffix = "/m" + std::to_string(m);
  RecipeStream pairs(recipe.seed,
                     "poly_mnist/pairs/" + selection.part + suffix);
  RecipeStream crops(recipe.seed,
                     "poly_mnist/crops/" + selection.split + suffix);
  const at::Tensor partner =
      permutation_within_classes(digits.labels, kClasses, pairs);
  const Background& background = recipe.backgrounds[m];
  const std::int64_t size = selection.tuples.numel();
  at::Tensor images = at::empty({size, kChannels, kSide, kSide}, at::kByte);
  const auto* tuple = selection.tuples.data_ptr<std::int64_t>();
  const auto* digit = partner.data_ptr<std::int64_t>();
  const auto* strokes = digits.strokes.data_ptr<std::uint8_t>();
  auto* out = images.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t x = crops.below(background.width - kSide);
    const std::int64_t y = crops.below(background.height - kSide);
    compose(background, x, y, strokes + digit[tuple[i]] * kPixels,
            out + i * kChannels * kPixels);
  }
  return images;
}

ResidentSplit compose_split(const Recipe& recipe, const Digits& digits,
                            const Selection& selection) {
  ResidentSplit split;
  split.labels = digits.labels.index_select(0, selection.tuples);
  for (std::size_t m = 0; m < recipe.backgrounds.size(); ++m) {
    split.data.push_back(compose_modality(recipe, digits, selection, m));
  }
  return split;
}

// The validation split is the end of the shuffled training tuples, whatever
// the limit.
std::array<ResidentSplit, 3> compose_splits(Recipe& recipe,
                                            const Settings& settings,
                                            const Services& services) {
  const Digits train = read_digits("train", services, &recipe.digest);
  const Digits test = read_digits("t10k", services, &recipe.digest);
  const auto shuffled = [&](const Digits& digits, const std::string& part) {
    RecipeStream order(recipe.seed, "poly_mnist/order/" + part);
    return permutation(digits.labels.numel(), order);
  };
  const at::Tensor train_order = shuffled(train, "train");
  const at::Tensor test_order = shuffled(test, "t10k");
  const std::int64_t held_out = validation_share(train_order.numel());
  const std::int64_t training = train_order.numel() - held_out;
  const auto first = [](const at::Tensor& order, std::int64_t count) {
    return order.narrow(0, 0, count);
  };
  const std::int64_t train_size =
      limited(training, settings.integer("train_limit"));
  const std::int64_t test_size =
      limited(test_order.numel(), settings.integer("test_limit"));
  return {compose_split(recipe, train,
                        {"train", "train", first(train_order, train_size)}),
          compose_split(recipe, train,
                        {"train", "validation",
                         train_order.narrow(0, training, held_out)}),
          compose_split(recipe, test,
                        {"t10k", "test", first(test_order, test_size)})};
}

std::vector<ModalitySpec> specs_of(std::size_t num_modalities) {
  std::vector<ModalitySpec> specs;
  for (std::size_t m = 0; m < num_modalities; ++m) {
    specs.push_back({.name = "m" + std::to_string(m),
                     .kind = ModalityKind::image,
                     .shape = {kChannels, kSide, kSide},
                     .vocabulary = {},
                     .default_likelihood = "laplace"});
  }
  return specs;
}

class PolyMnist : public ResidentDataset {
 public:
  PolyMnist(const Settings& settings, const Recipe& recipe,
            std::array<ResidentSplit, 3> splits)
      : ResidentDataset(specs_of(recipe.backgrounds.size()), std::move(splits)),
        backgrounds_(settings.list("backgrounds")),
        key_("poly_mnist/1 seed=" + std::to_string(settings.integer("seed")) +
             " source=" + recipe.digest),
        test_limit_(settings.integer("test_limit")) {}

  std::int64_t num_classes() const override { return kClasses; }
  std::string judge_key() const override { return key_; }

  std::string fingerprint() const override {
    if (test_limit_ == 0) return key_;
    return key_ + " test_limit=" + std::to_string(test_limit_);
  }

  std::string note() const override {
    if (backgrounds_ == default_backgrounds()) {
      return "PolyMNIST: three of five backgrounds (m0, m2, m4) are "
             "substitutes: not comparable with published tables";
    }
    return "PolyMNIST: backgrounds chosen by the config: not comparable with "
           "published tables unless they are the official ones";
  }

  // The official classifiers were trained on the published backgrounds, in
  // this order; they also read the default pictures.
  std::vector<JudgeSource> judge_sources() const override {
    std::vector<JudgeSource> sources(backgrounds_.size());
    for (std::size_t m = 0; m < sources.size(); ++m) {
      sources[m].kind = JudgeSource::Kind::trained;
      if (m >= default_backgrounds().size()) continue;
      if (backgrounds_[m] != default_backgrounds()[m]) continue;
      sources[m].kind = JudgeSource::Kind::official;
      sources[m].architecture = "polymnist_cnn";
      sources[m].file = "classifiers/polymnist_m" + std::to_string(m) + ".npz";
    }
    return sources;
  }

 private:
  std::vector<std::string> backgrounds_;
  std::string key_;
  std::int64_t test_limit_;
};

std::unique_ptr<Dataset> make(const Settings& settings,
                              const DatasetContext& context) {
  Recipe recipe = read_recipe(settings, context.services);
  std::array<ResidentSplit, 3> splits =
      compose_splits(recipe, settings, context.services);
  return std::make_unique<PolyMnist>(settings, recipe, std::move(splits));
}

}  // namespace

SHALAB_PLUGIN(dataset, 1,
              "MNIST digits on coloured backgrounds, one picture per modality",
              declare_fields, make)
