// A user's own data: a folder for each modality with equal stems, or one .npz
// (source.h). Missing files become the presence mask.

#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kinds.h"
#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/pairing.h"
#include "shalab/resident_dataset.h"
#include "source.h"

namespace shalab::paired_folder {
namespace {

namespace fs = std::filesystem;

constexpr std::array<Split, 3> kSplits = {Split::train, Split::validation,
                                          Split::test};

void declare_fields(FieldList& fields) {
  fields.text("path", "",
              "a folder with a folder for each modality, or an .npz file; as "
              "written, else under the data folders");
  fields.list("modalities", {},
              "which folders or members are modalities, in this order; empty "
              "= all, sorted");
  fields
      .integer("image_side", 0,
               "pictures are resized to squares of this side; 0 = they stay "
               "as they are and must be of one size")
      .range(0, 1024)
      .in("pixels");
  declare_text_fields(fields);
  fields.real("validation_share", 0.1, "of the tuples, without given splits")
      .range(0, 1);
  fields.real("test_share", 0.2, "of the tuples, without given splits")
      .range(0, 1);
  fields.integer("seed", 1, "draws the splits").at_least(0);
}

fs::path find_source(const Settings& settings, const Services& services) {
  const std::string& path = settings.text("path");
  if (path.empty()) {
    throw Error(ErrorKind::usage, "dataset.path is empty",
                "name a folder that holds a folder for each modality, or an "
                ".npz file");
  }
  std::error_code error;
  if (fs::exists(path, error)) return path;
  return services.find_data(path, "dataset.path of paired_folder");
}

Source read_source(const fs::path& place, const Settings& settings,
                   const Services& services) {
  try {
    return fs::is_directory(place) ? read_folder(place, settings, services)
                                   : read_archive(place, settings);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorKind::data,
                error.path1().string() + ": " + error.code().message());
  }
}

// The tuples of each split, int64 [n]: the given ones in their order, or a
// seeded draw of at least one tuple each.
std::array<at::Tensor, 3> draw_splits(std::int64_t size,
                                      const Settings& settings) {
  const auto share = [&](const std::string& key) {
    const double tuples = settings.real(key) * static_cast<double>(size);
    return std::max(std::int64_t{1},
                    static_cast<std::int64_t>(std::llround(tuples)));
  };
  const std::int64_t validation = share("validation_share");
  const std::int64_t test = share("test_share");
  const std::int64_t train = size - validation - test;
  if (train < 1) {
    throw Error(ErrorKind::usage,
                "dataset.validation_share and dataset.test_share leave none of "
                "the " +
                    std::to_string(size) + " tuples for training",
                "choose smaller shares");
  }
  RecipeStream stream(static_cast<std::uint64_t>(settings.integer("seed")),
                      "paired_folder/splits");
  const at::Tensor order = permutation(size, stream);
  return {order.narrow(0, 0, train), order.narrow(0, train, validation),
          order.narrow(0, train + validation, test)};
}

std::array<at::Tensor, 3> members_of(const Source& source,
                                     const Settings& settings,
                                     const fs::path& place) {
  if (!source.splits.defined()) return draw_splits(source.size(), settings);
  std::array<at::Tensor, 3> members;
  for (std::size_t i = 0; i < kSplits.size(); ++i) {
    members[i] =
        (source.splits == static_cast<std::int64_t>(i)).nonzero().flatten();
    if (members[i].numel() == 0) {
      throw Error(ErrorKind::data,
                  place.string() + ": the given splits leave none of the " +
                      std::to_string(source.size()) + " tuples for " +
                      to_string(kSplits[i]),
                  "give each of train, validation and test at least one");
    }
  }
  return members;
}

void check_trainable(const Modality& modality, const at::Tensor& training,
                     const fs::path& place) {
  if (modality.presence.index_select(0, training).any().item<bool>()) return;
  throw Error(ErrorKind::data,
              place.string() + ": no training tuple has modality '" +
                  modality.spec.name + "'",
              "add files of it, leave it out of dataset.modalities, or draw "
              "other splits with dataset.seed");
}

// Spellings by class where every tuple of a class has the same tokens and no
// two classes share them; else nothing.
std::vector<at::Tensor> spellings_of(const at::Tensor& tokens,
                                     const at::Tensor& labels,
                                     std::int64_t num_classes) {
  std::vector<at::Tensor> spellings;
  for (std::int64_t c = 0; c < num_classes; ++c) {
    const at::Tensor rows =
        tokens.index_select(0, (labels == c).nonzero().flatten());
    if (rows.size(0) == 0 || !(rows == rows[0]).all().item<bool>()) return {};
    for (const at::Tensor& other : spellings) {
      if (other.equal(rows[0].to(at::kLong))) return {};
    }
    spellings.push_back(rows[0].to(at::kLong));
  }
  return spellings;
}

// A modality that some tuples lack has no judge: judges see every tuple.
JudgeSource judge_of(const Modality& modality, const at::Tensor& labels,
                     std::int64_t num_classes) {
  JudgeSource source;
  if (num_classes < 2 || !modality.presence.all().item<bool>()) return source;
  if (modality.spec.kind == ModalityKind::image) {
    source.kind = JudgeSource::Kind::trained;
  }
  if (modality.spec.kind == ModalityKind::tokens) {
    source.spellings = spellings_of(modality.data, labels, num_classes);
    if (!source.spellings.empty()) source.kind = JudgeSource::Kind::lexicon;
  }
  return source;
}

// Everything about the tuples that is not in a ResidentSplit.
struct Facts {
  std::array<at::Tensor, 3> presence;  // bool [n, M] by Split
  std::vector<JudgeSource> judges;
  std::int64_t num_classes = 0;
  std::string fingerprint;
  std::string note;
};

class PairedFolder : public ResidentDataset {
 public:
  PairedFolder(std::vector<ModalitySpec> modalities,
               std::array<ResidentSplit, 3> splits, Facts facts)
      : ResidentDataset(std::move(modalities), std::move(splits)),
        facts_(std::move(facts)) {}

  std::string fingerprint() const override { return facts_.fingerprint; }
  std::string note() const override { return facts_.note; }
  std::int64_t num_classes() const override { return facts_.num_classes; }
  std::vector<JudgeSource> judge_sources() const override {
    return facts_.judges;
  }

  void to(c10::Device device) override {
    ResidentDataset::to(device);
    for (at::Tensor& rows : facts_.presence) rows = rows.to(device);
  }

 protected:
  Batch do_gather(Split split, const at::Tensor& indices) const override {
    Batch batch = ResidentDataset::do_gather(split, indices);
    batch.presence =
        facts_.presence[static_cast<std::size_t>(split)].index_select(0,
                                                                      indices);
    return batch;
  }

 private:
  Facts facts_;
};

void add_to(Digest64& digest, const at::Tensor& tensor) {
  if (!tensor.defined()) return;
  const at::Tensor whole = tensor.contiguous();
  digest.add(c10::toString(whole.scalar_type()));
  digest.add(whole.const_data_ptr(), whole.nbytes());
}

// Takes one modality after the other, so that no two copies of all are alive.
class Assembly {
 public:
  Assembly(at::Tensor labels, std::array<at::Tensor, 3> members)
      : labels_(std::move(labels)), members_(std::move(members)) {
    add_to(digest_, labels_);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      add_to(digest_, members_[i]);
      if (labels_.defined()) {
        splits_[i].labels = labels_.index_select(0, members_[i]);
      }
    }
    if (labels_.defined()) {
      facts_.num_classes = labels_.max().item<std::int64_t>() + 1;
    }
  }

  void add(const Modality& modality) {
    digest_.add(modality.spec.name);
    for (const std::string& symbol : modality.spec.vocabulary) {
      digest_.add(symbol);
    }
    for (const std::int64_t size : modality.spec.shape) {
      digest_.add(std::to_string(size));
    }
    add_to(digest_, modality.data);
    add_to(digest_, modality.presence);
    facts_.judges.push_back(judge_of(modality, labels_, facts_.num_classes));
    specs_.push_back(modality.spec);
    presence_.push_back(modality.presence);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      splits_[i].data.push_back(modality.data.index_select(0, members_[i]));
    }
  }

  std::unique_ptr<Dataset> finish() {
    const at::Tensor presence = at::stack(presence_, 1);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      facts_.presence[i] = presence.index_select(0, members_[i]);
    }
    const auto incomplete =
        presence.all(1).logical_not().sum().item<std::int64_t>();
    if (incomplete > 0) {
      facts_.note = "paired_folder: " + std::to_string(incomplete) + " of " +
                    std::to_string(presence.size(0)) +
                    " tuples lack a modality; what is measured on one takes "
                    "the tuples that have it";
    }
    facts_.fingerprint = "paired_folder/1 source=" + digest_.hex();
    return std::make_unique<PairedFolder>(std::move(specs_), std::move(splits_),
                                          std::move(facts_));
  }

 private:
  at::Tensor labels_;
  std::array<at::Tensor, 3> members_;
  Digest64 digest_;
  Facts facts_;
  std::vector<ModalitySpec> specs_;
  std::vector<at::Tensor> presence_;
  std::array<ResidentSplit, 3> splits_;
};

std::unique_ptr<Dataset> make(const Settings& settings,
                              const DatasetContext& context) {
  const fs::path place = find_source(settings, context.services);
  Source source = read_source(place, settings, context.services);
  const std::array<at::Tensor, 3> members = members_of(source, settings, place);
  Assembly assembly(source.labels, members);
  for (Column& column : source.columns) {
    const Modality modality = as_modality(column, members[0], settings);
    column = {};
    check_trainable(modality, members[0], place);
    assembly.add(modality);
  }
  return assembly.finish();
}

}  // namespace
}  // namespace shalab::paired_folder

SHALAB_PLUGIN(dataset, 1,
              "your own tuples: a folder for each modality, or an .npz",
              shalab::paired_folder::declare_fields,
              shalab::paired_folder::make)
