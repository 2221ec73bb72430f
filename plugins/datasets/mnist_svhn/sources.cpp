#include "sources.h"

#include <filesystem>

#include "packed_images.h"
#include "shalab/error.h"
#include "svhn_file.h"

namespace shalab::mnist_svhn {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFashionPackage = "/usr/share/datasets/fashion-mnist";

// Where the files of a set are looked for: in `folder`, then in `under` of the
// data folders.
struct Place {
  std::string folder;
  std::string under;
  std::string what;
  std::string cure;
};

fs::path find_file(const Place& place, const std::string& name,
                   const Services& services) {
  const fs::path given = fs::path(place.folder) / name;
  std::error_code error;
  if (!place.folder.empty() && fs::exists(given, error)) return given;
  try {
    return services.find_data(place.under + "/" + name, place.what);
  } catch (const Error& missing) {
    if (place.cure.empty()) throw;
    const std::string also =
        place.folder.empty() ? "" : "\n  " + given.string();
    throw Error(ErrorKind::data, missing.message() + also, place.cure);
  }
}

ModalitySpec image_spec(const std::string& name,
                        const std::vector<std::int64_t>& shape) {
  return {.name = name,
          .kind = ModalityKind::image,
          .shape = shape,
          .vocabulary = {},
          .default_likelihood = "laplace"};
}

JudgeSource official_judge(const std::string& architecture) {
  JudgeSource judge;
  judge.kind = JudgeSource::Kind::official;
  judge.architecture = architecture;
  judge.file = "classifiers/" + architecture + ".npz";
  return judge;
}

// MNIST's layout: four IDX files.
std::array<LabelledImages, 2> read_idx_parts(const Place& place,
                                             const Services& services,
                                             Digest64& digest) {
  std::array<LabelledImages, 2> parts;
  const std::array<std::string, 2> names = {"train", "t10k"};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const fs::path images =
        find_file(place, names[i] + "-images-idx3-ubyte.gz", services);
    const fs::path labels =
        find_file(place, names[i] + "-labels-idx1-ubyte.gz", services);
    parts[i] = read_idx_images(images, labels);
    require_every_class(parts[i], labels);
    digest.add(parts[i].images.data_ptr(), parts[i].images.nbytes());
    digest.add(parts[i].labels.data_ptr(), parts[i].labels.nbytes());
  }
  return parts;
}

Source read_svhn(const std::string& folder, const Services& services,
                 Digest64& digest) {
  const Place place{folder, "svhn", "SVHN, cropped digits",
                    "get train_32x32.mat and test_32x32.mat of SVHN from its "
                    "authors, and put them in svhn/ of a data folder or name "
                    "their folder with dataset.folder"};
  Source source;
  source.modality = image_spec("svhn", {3, 32, 32});
  source.judge = official_judge("mst_svhn");
  const std::array<std::string, 2> names = {"train_32x32.mat",
                                            "test_32x32.mat"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const fs::path file = find_file(place, names[i], services);
    const std::string contents = digest_of_file(file);
    source.parts[i] =
        packed_images(file, "svhn1", contents, services, read_svhn_file);
    require_every_class(source.parts[i], file);
    digest.add(contents);
  }
  return source;
}

Source read_fashion_mnist(const std::string& folder, const Services& services,
                          Digest64& digest) {
  const Place place{folder.empty() ? kFashionPackage : folder, "fashion-mnist",
                    "Fashion-MNIST",
                    "apt-get install dataset-fashion-mnist, or name its folder "
                    "with dataset.folder"};
  Source source;
  source.modality = image_spec("fashion", {1, 28, 28});
  source.judge.kind = JudgeSource::Kind::trained;
  source.parts = read_idx_parts(place, services, digest);
  source.note =
      "MNIST-SVHN: Fashion-MNIST in place of SVHN: not comparable with "
      "published tables";
  return source;
}

}  // namespace

void declare_source_fields(FieldList& fields) {
  fields.choice("second", "svhn", {"svhn", "fashion_mnist"},
                "pictures that meet MNIST's: modality svhn, or fashion");
  fields.text("folder", "",
              "where the second set's files are; empty = svhn/ in the data "
              "folders, or Debian's dataset-fashion-mnist, else fashion-mnist/ "
              "in the data folders");
}

Source read_mnist(const Services& services, Digest64& digest) {
  Source source;
  source.modality = image_spec("mnist", {1, 28, 28});
  source.judge = official_judge("mst_mnist");
  source.parts =
      read_idx_parts({"", "mnist", "MNIST, IDX format", ""}, services, digest);
  return source;
}

Source read_second(const Settings& settings, const Services& services,
                   Digest64& digest) {
  const std::string& folder = settings.text("folder");
  return settings.text("second") == "svhn"
             ? read_svhn(folder, services, digest)
             : read_fashion_mnist(folder, services, digest);
}

}  // namespace shalab::mnist_svhn
