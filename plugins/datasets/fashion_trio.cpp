// Three views of a piece of clothing: a grey photo, another item of the same
// class tinted with a random hue on a smooth random gradient, and its name.
// Fashion-MNIST (Xiao et al., 2017).

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/tensors.h"
#include "shalab/pairing.h"
#include "shalab/resident_dataset.h"

namespace {

using namespace shalab;

constexpr std::int64_t kSide = 28;
constexpr std::int64_t kClasses = 10;
constexpr std::int64_t kWordLength = 8;
constexpr const char* kAlphabet = " abcdefghijklmnopqrstuvwxyz";
constexpr const char* kWords[kClasses] = {
    "tshirt", "trousers", "pullover", "dress", "coat",
    "sandal", "shirt",    "sneaker",  "bag",   "boot"};

void declare_fields(FieldList& fields) {
  fields.text("folder", "/usr/share/datasets/fashion-mnist",
              "where the four IDX files are, else fashion-mnist/ in the data "
              "folders");
  fields.integer("seed", 1, "pairs the items and draws the colours")
      .at_least(0);
  fields.integer("train_limit", 0, "training tuples to keep, 0 = all 55,000")
      .at_least(0);
  fields.integer("test_limit", 0, "test tuples to keep, 0 = all 10,000")
      .at_least(0);
}

struct Items {
  at::Tensor photos;  // uint8 [N, 28, 28]
  at::Tensor labels;  // int64 [N]
};

std::filesystem::path find_file(const std::string& name,
                                const Settings& settings,
                                const Services& services) {
  const std::filesystem::path given =
      std::filesystem::path(settings.text("folder")) / name;
  std::error_code error;
  if (std::filesystem::exists(given, error)) return given;
  try {
    return services.find_data("fashion-mnist/" + name, "Fashion-MNIST");
  } catch (const Error& missing) {
    throw Error(ErrorKind::data, missing.message() + "\n  " + given.string(),
                "apt-get install dataset-fashion-mnist, or name its folder "
                "with dataset.folder");
  }
}

Items read_items(const std::string& part, const Settings& settings,
                 const Services& services, Digest64* digest) {
  const auto file =
      find_file(part + "-images-idx3-ubyte.gz", settings, services);
  const io::Array images = io::read_idx(file);
  const io::Array labels = io::read_idx(
      find_file(part + "-labels-idx1-ubyte.gz", settings, services));
  if (images.shape.size() != 3 || images.shape[1] != kSide ||
      images.shape[2] != kSide || labels.shape.size() != 1 ||
      labels.shape[0] != images.shape[0] || images.shape[0] == 0) {
    throw Error(ErrorKind::data,
                file.string() +
                    " and its labels are not N x 28 x 28 images and N labels");
  }
  digest->add(images.bytes.data(), images.bytes.size());
  digest->add(labels.bytes.data(), labels.bytes.size());
  Items items{io::to_tensor(images), io::to_tensor(labels).to(at::kLong)};
  if (items.labels.max().item<std::int64_t>() >= kClasses) {
    throw Error(ErrorKind::data, file.string() + " has labels above 9");
  }
  return items;
}

// Uniform in [0, 1), double [N, 3], drawn tuple by tuple.
at::Tensor random_hues(std::int64_t n, RecipeStream& stream) {
  at::Tensor hues = at::empty({n, 3}, at::kDouble);
  auto* out = hues.data_ptr<double>();
  for (std::int64_t i = 0; i < hues.numel(); ++i) out[i] = stream.uniform();
  return hues;
}

// Column `index` of the hues h as colours, float [N, 3, 1, 1]: channel c of
// HSV (h, s, v) is v - v s max(0, min(k, 4 - k, 1)) with
// k = (5, 3, 1)[c] + 6 h mod 6.
at::Tensor colours_of(const at::Tensor& hues, std::int64_t index,
                      double saturation, double value) {
  static constexpr double kOffsets[3] = {5, 3, 1};
  at::Tensor colours = at::empty({hues.size(0), 3, 1, 1}, at::kFloat);
  const auto* hue = hues.data_ptr<double>() + index;
  auto* out = colours.data_ptr<float>();
  for (std::int64_t i = 0; i < hues.size(0); ++i, hue += 3) {
    for (const double offset : kOffsets) {
      const double k = std::fmod(offset + 6 * *hue, 6.0);
      const double share = std::max(0.0, std::min({k, 4 - k, 1.0}));
      *out++ = static_cast<float>(value * (1 - saturation * share));
    }
  }
  return colours;
}

// A gradient from one pale colour at the top to another at the bottom, and
// over it the item in a strong colour: its opacity is 1.5 times its grey value,
// cut at 1. uint8 [N, 3, 28, 28].
at::Tensor tinted(const at::Tensor& photos, std::uint64_t seed,
                  const std::string& split) {
  const std::int64_t n = photos.size(0);
  RecipeStream stream(seed, "fashion_trio/colours/" + split);
  const at::Tensor hues = random_hues(n, stream);
  const at::Tensor colour = colours_of(hues, 0, 0.8, 1.0);
  const at::Tensor top = colours_of(hues, 1, 0.3, 1.0);
  const at::Tensor bottom = colours_of(hues, 2, 0.3, 0.9);
  const at::Tensor height =
      at::linspace(0, 1, kSide, at::kFloat).view({1, 1, kSide, 1});
  at::Tensor result = at::empty({n, 3, kSide, kSide}, at::kByte);
  constexpr std::int64_t kChunk = 4096;
  for (std::int64_t first = 0; first < n; first += kChunk) {
    const std::int64_t count = std::min(kChunk, n - first);
    const auto chunk = [&](const at::Tensor& all) {
      return all.narrow(0, first, count);
    };
    const at::Tensor item = chunk(photos).unsqueeze(1).to(at::kFloat).div_(255);
    const at::Tensor opacity = (1.5 * item).clamp_max_(1);
    const at::Tensor ground =
        chunk(top) * (1 - height) + chunk(bottom) * height;
    const at::Tensor drawn =
        ground * (1 - opacity) + opacity * item * chunk(colour);
    chunk(result).copy_(drawn.mul(255).round_());
  }
  return result;
}

// Class words in tokens, padded with blanks: int64 [10, 8].
at::Tensor spellings() {
  const std::string alphabet = kAlphabet;
  at::Tensor table = at::empty({kClasses, kWordLength}, at::kLong).fill_(0);
  for (std::int64_t c = 0; c < kClasses; ++c) {
    const std::string word = kWords[c];
    for (std::size_t i = 0; i < word.size(); ++i) {
      table[c][static_cast<std::int64_t>(i)] =
          static_cast<std::int64_t>(alphabet.find(word[i]));
    }
  }
  return table;
}

// The tuples named by the indices of their photos, int64 [N]; `partner` says
// which item the colour picture shows.
ResidentSplit compose_split(const Items& items, const at::Tensor& partner,
                            const at::Tensor& tuples, std::uint64_t seed,
                            const std::string& split) {
  ResidentSplit result;
  result.labels = items.labels.index_select(0, tuples);
  const at::Tensor coloured =
      items.photos.index_select(0, partner.index_select(0, tuples));
  result.data = {items.photos.index_select(0, tuples).unsqueeze(1),
                 tinted(coloured, seed, split),
                 spellings().index_select(0, result.labels).to(at::kByte)};
  return result;
}

std::array<ResidentSplit, 3> compose_splits(const Items& train,
                                            const Items& test,
                                            const Settings& settings) {
  const auto seed = static_cast<std::uint64_t>(settings.integer("seed"));
  const auto stream = [seed](const std::string& purpose) {
    return RecipeStream(seed, "fashion_trio/" + purpose);
  };
  RecipeStream train_pairs = stream("pairs/train");
  RecipeStream test_pairs = stream("pairs/t10k");
  RecipeStream order_stream = stream("order/train");
  const at::Tensor train_partner =
      permutation_within_classes(train.labels, kClasses, train_pairs);
  const at::Tensor test_partner =
      permutation_within_classes(test.labels, kClasses, test_pairs);
  const at::Tensor order = permutation(train.labels.numel(), order_stream);
  const at::Tensor test_order = at::arange(test.labels.numel(), at::kLong);
  const std::int64_t held_out = validation_share(order.numel());
  const std::int64_t training = order.numel() - held_out;
  const auto kept = [&](const at::Tensor& tuples, std::int64_t available,
                        const std::string& key) {
    return tuples.narrow(0, 0, limited(available, settings.integer(key)));
  };
  return {
      compose_split(train, train_partner, kept(order, training, "train_limit"),
                    seed, "train"),
      compose_split(train, train_partner, order.narrow(0, training, held_out),
                    seed, "validation"),
      compose_split(test, test_partner,
                    kept(test_order, test_order.numel(), "test_limit"), seed,
                    "test")};
}

std::vector<ModalitySpec> specs() {
  std::vector<std::string> letters;
  for (const char letter : std::string(kAlphabet)) {
    letters.emplace_back(1, letter);
  }
  return {{.name = "photo",
           .kind = ModalityKind::image,
           .shape = {1, kSide, kSide},
           .vocabulary = {},
           .default_likelihood = "normal"},
          {.name = "colour",
           .kind = ModalityKind::image,
           .shape = {3, kSide, kSide},
           .vocabulary = {},
           .default_likelihood = "normal"},
          {.name = "word",
           .kind = ModalityKind::tokens,
           .shape = {kWordLength},
           .vocabulary = letters,
           .default_likelihood = "categorical"}};
}

class FashionTrio : public ResidentDataset {
 public:
  FashionTrio(std::array<ResidentSplit, 3> splits, std::string key,
              std::int64_t test_limit)
      : ResidentDataset(specs(), std::move(splits)),
        key_(std::move(key)),
        test_limit_(test_limit) {}

  std::int64_t num_classes() const override { return kClasses; }
  std::string judge_key() const override { return key_; }

  std::string fingerprint() const override {
    if (test_limit_ == 0) return key_;
    return key_ + " test_limit=" + std::to_string(test_limit_);
  }

  std::vector<JudgeSource> judge_sources() const override {
    JudgeSource trained;
    trained.kind = JudgeSource::Kind::trained;
    JudgeSource lexicon;
    lexicon.kind = JudgeSource::Kind::lexicon;
    lexicon.spellings = spellings().unbind(0);
    return {trained, trained, lexicon};
  }

 private:
  std::string key_;
  std::int64_t test_limit_;
};

std::unique_ptr<Dataset> make(const Settings& settings,
                              const DatasetContext& context) {
  Digest64 digest;
  const Items train = read_items("train", settings, context.services, &digest);
  const Items test = read_items("t10k", settings, context.services, &digest);
  return std::make_unique<FashionTrio>(
      compose_splits(train, test, settings),
      "fashion_trio/1 seed=" + std::to_string(settings.integer("seed")) +
          " source=" + digest.hex(),
      settings.integer("test_limit"));
}

}  // namespace

SHALAB_PLUGIN(dataset, 1,
              "Fashion-MNIST photo, tinted picture of the same class and word",
              declare_fields, make)
