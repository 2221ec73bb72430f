// PolyMNIST (Sutter et al., "Generalized Multimodal ELBO", 2021): each
// modality shows another handwritten image of the same digit, its strokes
// inverting a random crop of that modality's background.

#include <ATen/core/Tensor.h>

#include <utility>

#include "shalab/error.h"
#include "shalab/pairing.h"
#include "shalab/resident_dataset.h"
#include "source.h"

namespace shalab::poly_mnist {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string>& default_backgrounds() {
  static const std::vector<std::string> names = {
      "03milky-way-2695569_1280.jpg", "the_scream_512x652.jpg",
      "08pink-324175_1280.jpg", "07star_field.jpg", "05tree-736885_1280.jpg"};
  return names;
}

void declare_fields(FieldList& fields) {
  fields.list("backgrounds", default_backgrounds(),
              "pictures in the data folder backgrounds/, one per modality");
  fields.text("archive", "",
              "a folder of published pictures, train/m0/{i}.{digit}.png and so "
              "on, in place of the recipe; as written, else under the data "
              "folders");
  fields.flag("translated", false,
              "the recipe draws digits at three quarters of their size, "
              "anywhere (MultiVae's variant)");
  fields.choice("validation", "held_out", {"held_out", "test_half"},
                "held_out: the archive's val/, else the last 5,000 shuffled "
                "training tuples; test_half: half of the test tuples (CMVAE)");
  fields.choice("judges", "official", {"official", "trained"},
                "official: the published classifiers, of m0 to m4 of an "
                "archive of five and of backgrounds they read");
  fields
      .integer("seed", 42,
               "pairs the digits, places the crops and draws the "
               "splits")
      .at_least(0);
  fields.integer("train_limit", 0, "training tuples to keep, 0 = all")
      .at_least(0);
  fields.integer("test_limit", 0, "test tuples to keep, 0 = all").at_least(0);
}

std::unique_ptr<Source> open_source(const Settings& settings,
                                    const Services& services) {
  const std::string& archive = settings.text("archive");
  if (archive.empty()) return open_recipe(settings, services);
  if (settings.flag("translated")) {
    throw Error(ErrorKind::usage,
                "dataset.translated is for the recipe; dataset.archive holds "
                "pictures as they are",
                "leave one of the two out");
  }
  std::error_code error;
  if (fs::exists(archive, error)) return open_archive(archive, services);
  return open_archive(
      services.find_data(archive, "dataset.archive of poly_mnist"), services);
}

struct Plan {
  const Settings& settings;
  const Source& source;

  at::Tensor shuffled(Part part, const std::string& name) const {
    const auto seed = static_cast<std::uint64_t>(settings.integer("seed"));
    RecipeStream stream(seed, "poly_mnist/order/" + name);
    return permutation(source.labels(part).numel(), stream);
  }
};

// By Split. What is held out lies at the end of a shuffled part, whatever the
// limits.
std::array<Selection, 3> select_tuples(const Settings& settings,
                                       const Source& source) {
  const Plan plan{settings, source};
  at::Tensor train = plan.shuffled(Part::train, "train");
  at::Tensor test = plan.shuffled(Part::test, "t10k");
  Selection validation{Part::validation, Split::validation,
                       plan.shuffled(Part::validation, "validation")};
  const auto hold_out = [&](Part part, at::Tensor& order, std::int64_t count) {
    const std::int64_t kept = order.numel() - count;
    validation.part = part;
    validation.tuples = order.narrow(0, kept, count);
    order = order.narrow(0, 0, kept);
  };
  if (settings.text("validation") == "test_half") {
    hold_out(Part::test, test, test.numel() / 2);
  } else if (validation.tuples.numel() == 0) {
    hold_out(Part::train, train, validation_share(train.numel()));
  }
  const auto limit = [&](const at::Tensor& order, const std::string& key) {
    return order.narrow(0, 0, limited(order.numel(), settings.integer(key)));
  };
  return {Selection{Part::train, Split::train, limit(train, "train_limit")},
          validation,
          Selection{Part::test, Split::test, limit(test, "test_limit")}};
}

std::array<ResidentSplit, 3> make_splits(const Settings& settings,
                                         Source& source) {
  const std::array<Selection, 3> selections = select_tuples(settings, source);
  std::array<ResidentSplit, 3> splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    if (selections[i].tuples.numel() == 0) {
      throw Error(ErrorKind::data,
                  "PolyMNIST has no tuple for the " +
                      to_string(selections[i].split) + " split",
                  "at least ten training and two test tuples are needed");
    }
    splits[i].labels =
        source.labels(selections[i].part).index_select(0, selections[i].tuples);
  }
  for (std::size_t m = 0; m < source.num_modalities(); ++m) {
    for (std::size_t i = 0; i < splits.size(); ++i) {
      splits[i].data.push_back(source.images(selections[i], m));
    }
  }
  return splits;
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

std::string key_of(const Settings& settings, const Source& source) {
  std::string key =
      "poly_mnist/1 seed=" + std::to_string(settings.integer("seed"));
  if (!settings.text("archive").empty()) key += " archive";
  if (settings.flag("translated")) key += " translated";
  if (settings.text("validation") == "test_half") key += " test_half";
  return key + " source=" + source.digest();
}

class PolyMnist : public ResidentDataset {
 public:
  PolyMnist(const Settings& settings, const Source& source,
            std::array<ResidentSplit, 3> splits)
      : ResidentDataset(specs_of(source.num_modalities()), std::move(splits)),
        settings_(settings),
        key_(key_of(settings, source)) {}

  std::int64_t num_classes() const override { return kClasses; }
  std::string judge_key() const override { return key_; }

  std::string fingerprint() const override {
    const std::int64_t limit = settings_.integer("test_limit");
    if (limit == 0) return key_;
    return key_ + " test_limit=" + std::to_string(limit);
  }

  std::string note() const override {
    if (has_archive()) {
      return "PolyMNIST: pictures of an archive: comparable with published "
             "tables if it is the published one";
    }
    const std::string variant = settings_.flag("translated")
                                    ? "PolyMNIST, translated: "
                                    : "PolyMNIST: ";
    if (settings_.list("backgrounds") == default_backgrounds()) {
      return variant +
             "three of five backgrounds (m0, m2, m4) are substitutes: not "
             "comparable with published tables";
    }
    return variant +
           "backgrounds chosen by the config: not comparable with published "
           "tables unless they are the official ones";
  }

  std::vector<JudgeSource> judge_sources() const override {
    std::vector<JudgeSource> sources(modalities().size());
    for (std::size_t m = 0; m < sources.size(); ++m) {
      sources[m].kind = JudgeSource::Kind::trained;
      if (!has_official_judge(m)) continue;
      sources[m].kind = JudgeSource::Kind::official;
      sources[m].architecture = "polymnist_cnn";
      sources[m].file = "classifiers/polymnist_m" + std::to_string(m) + ".npz";
    }
    return sources;
  }

 private:
  bool has_archive() const { return !settings_.text("archive").empty(); }

  // The official classifiers were trained on the published backgrounds, in
  // this order; they also read the default pictures.
  bool has_official_judge(std::size_t m) const {
    const std::size_t known = default_backgrounds().size();
    if (settings_.text("judges") != "official") return false;
    if (has_archive()) return modalities().size() == known;
    return m < known && !settings_.flag("translated") &&
           settings_.list("backgrounds")[m] == default_backgrounds()[m];
  }

  Settings settings_;
  std::string key_;
};

std::unique_ptr<Dataset> make(const Settings& settings,
                              const DatasetContext& context) {
  const std::unique_ptr<Source> source =
      open_source(settings, context.services);
  std::array<ResidentSplit, 3> splits = make_splits(settings, *source);
  return std::make_unique<PolyMnist>(settings, *source, std::move(splits));
}

}  // namespace
}  // namespace shalab::poly_mnist

SHALAB_PLUGIN(dataset, 1,
              "MNIST digits on coloured backgrounds, one picture per modality",
              shalab::poly_mnist::declare_fields, shalab::poly_mnist::make)
