// M views of an object, one modality each: pictures in folders, as
// SyncDreamer (Liu et al. 2023) renders ShapeNet and Objaverse. Splits hold
// out whole bodies.

#include <filesystem>
#include <fstream>
#include <utility>

#include "packed.h"
#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/resident_dataset.h"
#include "splits.h"

namespace shalab {
namespace {

constexpr std::size_t kMaxNote = 300;

void declare_fields(FieldList& fields) {
  fields.text("folder", "cars_views",
              "holds one folder of pictures for each object; looked for in the "
              "data folders unless it starts with /");
  fields.text("subfolder", "",
              "where an object's pictures lie within its folder; empty = "
              "directly in it");
  fields.list("views", {},
              "numbers of the views to read (0, 4, 8, 12); empty = all");
  fields
      .integer("size", 0,
               "side that square pictures are resized to, 0 = as they are")
      .range(0, 1024)
      .in("pixels");
  fields.text("body_separator", ".",
              "objects whose names agree up to this text are one body and stay "
              "in one split; empty = every object is a body of its own");
  fields
      .real("test_share", 0.2,
            "share of the bodies that is held out where there is no test.txt")
      .more_than(0)
      .at_most(0.9);
  fields.integer("seed", 1, "draws the splits and shuffles them").at_least(0);
  fields.integer("train_limit", 0, "training objects to keep, 0 = all")
      .at_least(0);
  fields.integer("test_limit", 0, "test objects to keep, 0 = all").at_least(0);
}

std::filesystem::path find_root(const Settings& settings,
                                const Services& services) {
  const std::filesystem::path given = settings.text("folder");
  if (given.empty()) {
    throw Error(ErrorKind::usage, "dataset.folder is empty",
                "name the folder that holds the objects' folders");
  }
  if (!given.is_absolute()) {
    return services.find_data(
        given.string(),
        "views of objects, one folder each; tools/render_views makes them");
  }
  std::error_code error;
  if (std::filesystem::is_directory(given, error)) return given;
  throw Error(ErrorKind::data, given.string() + " is not a folder",
              "name the folder that holds the objects' folders with "
              "dataset.folder");
}

// The first line of ROOT/note.txt.
std::string read_note(const std::filesystem::path& root) {
  std::ifstream stream(root / "note.txt");
  std::string note;
  std::getline(stream, note);
  if (note.ends_with('\r')) note.pop_back();
  return note.substr(0, kMaxNote);
}

SplitKeys split_keys(const Settings& settings) {
  return {settings.text("body_separator"), settings.real("test_share"),
          static_cast<std::uint64_t>(settings.integer("seed"))};
}

std::vector<ModalitySpec> specs_of(const ViewFolders& folders,
                                   const Pictures& pictures) {
  std::vector<ModalitySpec> specs;
  for (const std::int64_t view : folders.views) {
    specs.push_back({.name = "view" + std::to_string(view),
                     .kind = ModalityKind::image,
                     .shape = pictures.front().sizes().slice(1).vec(),
                     .vocabulary = {},
                     .default_likelihood = "normal"});
  }
  return specs;
}

// Pixels, names and splits, whatever the machine.
std::string key_of(const ViewFolders& folders, const std::string& pixels,
                   const std::array<at::Tensor, 3>& splits) {
  Digest64 digest;
  digest.add(pixels);
  for (const std::string& object : folders.objects) digest.add(object);
  for (const at::Tensor& split : splits) {
    digest.add(split.data_ptr(), split.nbytes());
  }
  return digest.hex();
}

// Moves the pictures into splits, view by view: two copies of one view are
// the most that lies in memory besides.
std::array<ResidentSplit, 3> divide(Pictures pictures,
                                    const std::array<at::Tensor, 3>& objects) {
  std::array<ResidentSplit, 3> splits;
  for (at::Tensor& view : pictures) {
    for (std::size_t s = 0; s < splits.size(); ++s) {
      splits[s].data.push_back(view.index_select(0, objects[s]));
    }
    view = at::Tensor();
  }
  return splits;
}

class Multiview : public ResidentDataset {
 public:
  struct Identity {
    std::string key;
    std::string note;
    std::int64_t test_limit = 0;
  };

  Multiview(std::vector<ModalitySpec> specs,
            std::array<ResidentSplit, 3> splits, Identity identity)
      : ResidentDataset(std::move(specs), std::move(splits)),
        identity_(std::move(identity)) {}

  std::string judge_key() const override { return identity_.key; }
  std::string note() const override { return identity_.note; }

  std::string fingerprint() const override {
    if (identity_.test_limit == 0) return identity_.key;
    return identity_.key +
           " test_limit=" + std::to_string(identity_.test_limit);
  }

 private:
  Identity identity_;
};

std::unique_ptr<Dataset> make(const Settings& settings,
                              const DatasetContext& context) {
  const ViewFolders folders =
      find_views(find_root(settings, context.services),
                 settings.text("subfolder"), settings.list("views"));
  std::array<at::Tensor, 3> objects =
      split_objects(folders, split_keys(settings));
  PackedPictures packed =
      packed_pictures(folders, settings.integer("size"), context.services);
  Multiview::Identity identity{
      "multiview/1 views=" + std::to_string(folders.views.size()) +
          " seed=" + std::to_string(settings.integer("seed")) +
          " source=" + key_of(folders, packed.digest, objects),
      read_note(folders.root), settings.integer("test_limit")};
  std::vector<ModalitySpec> specs = specs_of(folders, packed.pictures);
  const auto keep = [&](std::size_t split, const char* key) {
    objects[split] = objects[split].narrow(
        0, 0, limited(objects[split].numel(), settings.integer(key)));
  };
  keep(0, "train_limit");
  keep(2, "test_limit");
  return std::make_unique<Multiview>(
      std::move(specs), divide(std::move(packed.pictures), objects),
      std::move(identity));
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(dataset, 1, "views of objects from folders of pictures",
              shalab::declare_fields, shalab::make)
