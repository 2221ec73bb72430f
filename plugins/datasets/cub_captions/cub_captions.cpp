// CUB image-captions: pictures of 200 species of birds (Wah et al. 2011), each
// with ten English sentences (Reed et al. 2016), in the packaging of MMVAE (Shi
// et al. 2019): 64 x 64 pixels, 32 tokens, one tuple for every pair.
//
// Pictures are kept once, not once for each of their ten captions.

#include <ATen/ops/empty.h>
#include <ATen/ops/floor_divide.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones.h>

#include <utility>

#include "layout.h"
#include "pictures.h"
#include "shalab/dataset.h"
#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/resident_dataset.h"
#include "splits.h"
#include "vocabulary.h"
#include "words.h"

namespace shalab::cub_captions {
namespace {

constexpr std::size_t kPublishedPictures = 11788;
constexpr const char* kFolders =
    "put MMVAE's folder (train/, test/, text_trainvalclasses.txt, "
    "text_testclasses.txt) there, or set dataset.folder = cub10 for ten "
    "species";

void declare_fields(FieldList& fields) {
  fields.text("folder", "cub",
              "folder of the pictures and captions, in the data folders or by "
              "its full path; cub10 has ten species");
  fields.choice("split", "class", {"class", "cub", "image"},
                "test pictures: the zero-shot test species, as published; "
                "those of CUB's own split (meta.tsv); or a fifth of all");
  fields.choice("validation", "image", {"image", "pair"},
                "hold out pictures with all their captions; or a tenth of the "
                "pairs, as MultiVae publishes: captions of one picture are "
                "then in train and validation");
  fields.list("test_classes", {"001", "004", "006", "008", "009"},
              "zero-shot test species of a captions.tsv folder, by number or "
              "name; the default is cub10's, MMVAE's folders ignore it");
  fields
      .integer("min_count", 4,
               "captions outside the test split must hold a word so often "
               "before it gets a token, else it is <exc>")
      .at_least(1);
  fields.integer("seed", 1, "draws what is held out, and the order of tuples")
      .at_least(0);
  fields.integer("train_limit", 0, "training tuples to keep, 0 = all")
      .at_least(0);
  fields.integer("test_limit", 0, "test tuples to keep, 0 = all").at_least(0);
}

std::filesystem::path find_folder(const Settings& settings,
                                  const Services& services) {
  const std::filesystem::path given = settings.text("folder");
  if (given.is_absolute()) return given;
  try {
    return services.find_data(given.string(), "CUB image-captions");
  } catch (const Error& missing) {
    throw Error(ErrorKind::data, missing.message(), kFolders);
  }
}

// Captions of all pictures in words; pair 10 i + c.
std::vector<Words> all_words(const Layout& layout) {
  std::vector<Words> words;
  for (const Picture& picture : layout.pictures) {
    for (const std::string& caption : picture.captions) {
      words.push_back(words_of(caption));
    }
  }
  return words;
}

Vocabulary learn_vocabulary(const std::vector<Words>& words,
                            const std::vector<std::int64_t>& pictures,
                            std::int64_t min_count) {
  std::vector<const Words*> captions;
  for (const std::int64_t i : pictures) {
    for (std::int64_t c = 0; c < kCaptions; ++c) {
      captions.push_back(&words[static_cast<std::size_t>(kCaptions * i + c)]);
    }
  }
  return {captions, min_count};
}

// int32 [10 N, 32].
at::Tensor encode(const std::vector<Words>& words,
                  const Vocabulary& vocabulary) {
  at::Tensor tokens =
      at::empty({static_cast<std::int64_t>(words.size()), kLength}, at::kInt);
  auto* row = tokens.data_ptr<std::int32_t>();
  for (const Words& caption : words) {
    vocabulary.encode(caption, row);
    row += kLength;
  }
  return tokens;
}

at::Tensor labels_of(const Layout& layout) {
  at::Tensor labels =
      at::empty({static_cast<std::int64_t>(layout.pictures.size())}, at::kLong);
  auto* label = labels.data_ptr<std::int64_t>();
  for (const Picture& picture : layout.pictures) *label++ = picture.species;
  return labels;
}

struct Contents {
  at::Tensor pixels;                // uint8 [N, 3, 64, 64]
  at::Tensor tokens;                // int32 [10 N, 32]
  at::Tensor labels;                // int64 [N]: species
  std::array<at::Tensor, 3> pairs;  // int64 by Split
};

// Pixels, names, captions and splits, whatever the machine.
std::string digest_of(const Layout& layout, const Contents& contents) {
  Digest64 digest;
  for (const Picture& picture : layout.pictures) {
    digest.add(picture.name);
    for (const std::string& caption : picture.captions) digest.add(caption);
  }
  digest.add(contents.pixels.data_ptr(), contents.pixels.nbytes());
  for (const at::Tensor& pairs : contents.pairs) {
    digest.add(pairs.data_ptr(), pairs.nbytes());
  }
  return digest.hex();
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    text += (text.empty() ? "" : ",") + item;
  }
  return text;
}

// Of everything but the limits.
std::string key_of(const Settings& settings, const std::string& digest) {
  return "cub_captions/1 split=" + settings.text("split") +
         " validation=" + settings.text("validation") +
         " test_classes=" + joined(settings.list("test_classes")) +
         " min_count=" + std::to_string(settings.integer("min_count")) +
         " seed=" + std::to_string(settings.integer("seed")) +
         " source=" + digest;
}

std::string note_of(const Settings& settings, std::size_t num_pictures) {
  std::string note;
  if (num_pictures != kPublishedPictures) {
    note = std::to_string(num_pictures) + " of " +
           std::to_string(kPublishedPictures) + " pictures";
  }
  if (settings.text("split") != "class") {
    note += (note.empty() ? "" : ", ") + std::string("not split by species");
  }
  if (!note.empty()) {
    note = "CUB image-captions: " + note +
           ": not comparable with published tables";
  }
  if (settings.text("validation") == "pair") {
    note += (note.empty() ? "CUB image-captions: " : "; ") +
            std::string("captions of one picture are in train and validation");
  }
  return note;
}

std::vector<ModalitySpec> specs(const Vocabulary& vocabulary) {
  return {{.name = "image",
           .kind = ModalityKind::image,
           .shape = {kChannels, kSide, kSide},
           .vocabulary = {},
           .default_likelihood = "laplace"},
          {.name = "text",
           .kind = ModalityKind::tokens,
           .shape = {kLength},
           .vocabulary = vocabulary.symbols(),
           .default_likelihood = "categorical"}};
}

struct Identity {
  std::string key;
  std::string note;
  std::int64_t num_species = 0;
  std::int64_t test_limit = 0;
};

class CubCaptions final : public Dataset {
 public:
  CubCaptions(std::vector<ModalitySpec> modalities, Contents contents,
              Identity identity)
      : modalities_(std::move(modalities)),
        contents_(std::move(contents)),
        identity_(std::move(identity)) {}

  const std::vector<ModalitySpec>& modalities() const override {
    return modalities_;
  }
  std::int64_t size(Split split) const override { return pairs(split).numel(); }
  std::int64_t num_classes() const override { return identity_.num_species; }
  std::string judge_key() const override { return identity_.key; }
  std::string note() const override { return identity_.note; }

  std::string fingerprint() const override {
    if (identity_.test_limit == 0) return identity_.key;
    return identity_.key +
           " test_limit=" + std::to_string(identity_.test_limit);
  }

  void to(c10::Device device) override {
    contents_.pixels = contents_.pixels.to(device);
    contents_.tokens = contents_.tokens.to(device);
    contents_.labels = contents_.labels.to(device);
    for (at::Tensor& pairs : contents_.pairs) pairs = pairs.to(device);
  }

 protected:
  Batch do_gather(Split split, const at::Tensor& indices) const override {
    const at::Tensor chosen = pairs(split).index_select(0, indices);
    const at::Tensor picture = at::floor_divide(chosen, kCaptions);
    Batch batch;
    batch.data = {
        contents_.pixels.index_select(0, picture).to(at::kFloat).div_(255.0),
        contents_.tokens.index_select(0, chosen).to(at::kLong)};
    batch.presence =
        at::ones({indices.size(0), 2},
                 at::TensorOptions(indices.device()).dtype(at::kBool));
    batch.labels = contents_.labels.index_select(0, picture);
    batch.ids = indices;
    return batch;
  }

 private:
  const at::Tensor& pairs(Split split) const {
    return contents_.pairs[static_cast<std::size_t>(split)];
  }

  std::vector<ModalitySpec> modalities_;
  Contents contents_;
  Identity identity_;
};

void cut(at::Tensor& pairs, std::int64_t limit) {
  pairs = pairs.narrow(0, 0, limited(pairs.numel(), limit));
}

std::unique_ptr<Dataset> make(const Settings& settings,
                              const DatasetContext& context) {
  const Layout layout = read_layout(find_folder(settings, context.services),
                                    settings.list("test_classes"));
  const Splits splits = split_pairs(
      layout.pictures, {settings.text("split"), settings.text("validation"),
                        static_cast<std::uint64_t>(settings.integer("seed"))});
  const std::vector<Words> words = all_words(layout);
  const Vocabulary vocabulary =
      learn_vocabulary(words, splits.learning, settings.integer("min_count"));
  Contents contents{read_pictures(layout.pictures, context.services),
                    encode(words, vocabulary), labels_of(layout), splits.pairs};
  Identity identity{key_of(settings, digest_of(layout, contents)),
                    note_of(settings, layout.pictures.size()),
                    static_cast<std::int64_t>(layout.species.size()),
                    settings.integer("test_limit")};
  cut(contents.pairs[0], settings.integer("train_limit"));
  cut(contents.pairs[2], settings.integer("test_limit"));
  return std::make_unique<CubCaptions>(specs(vocabulary), std::move(contents),
                                       std::move(identity));
}

}  // namespace
}  // namespace shalab::cub_captions

SHALAB_PLUGIN(dataset, 1, "pictures of birds with ten sentences each",
              shalab::cub_captions::declare_fields, shalab::cub_captions::make)
