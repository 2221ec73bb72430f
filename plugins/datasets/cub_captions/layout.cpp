#include "layout.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "shalab/error.h"
#include "table.h"

namespace shalab::cub_captions {

namespace {

namespace fs = std::filesystem;

constexpr const char* kTrainText = "text_trainvalclasses.txt";
constexpr const char* kTestText = "text_testclasses.txt";
constexpr const char* kExpected =
    "expected train/, test/, text_trainvalclasses.txt and "
    "text_testclasses.txt (MMVAE), or images/ and captions.tsv";

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_picture(const fs::path& file) {
  std::string extension = file.extension().string();
  for (char& c : extension) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

// What is in a folder, hidden files left out, in order of names.
std::vector<fs::path> sorted_children(const fs::path& folder) {
  std::vector<fs::path> children;
  try {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().filename().string().front() != '.') {
        children.push_back(entry.path());
      }
    }
  } catch (const fs::filesystem_error&) {
    throw Error(ErrorKind::data, folder.string() + " is no readable folder",
                kExpected);
  }
  std::sort(children.begin(), children.end());
  return children;
}

// SPECIES/*.jpg under a folder; species and captions are filled in later.
std::vector<Picture> list_pictures(const fs::path& folder) {
  std::vector<Picture> pictures;
  for (const fs::path& species : sorted_children(folder)) {
    if (!fs::is_directory(species)) continue;
    for (const fs::path& file : sorted_children(species)) {
      if (!is_picture(file)) continue;
      Picture& picture = pictures.emplace_back();
      picture.file = file;
      picture.name =
          species.filename().string() + "/" + file.filename().string();
    }
  }
  if (pictures.empty()) {
    throw Error(ErrorKind::data,
                folder.string() + " holds no SPECIES/*.jpg pictures",
                kExpected);
  }
  return pictures;
}

std::string species_of(const Picture& picture) {
  return picture.name.substr(0, picture.name.find('/'));
}

std::vector<Picture> read_part(const fs::path& folder, const fs::path& text,
                               bool is_test) {
  std::vector<Picture> pictures = list_pictures(folder);
  std::vector<std::string> lines = read_lines(text);
  const auto expected = pictures.size() * kCaptions;
  if (lines.size() != expected) {
    throw Error(ErrorKind::data,
                text.string() + " has " + std::to_string(lines.size()) +
                    " lines, expected " + std::to_string(expected) +
                    ": ten for each of the " + std::to_string(pictures.size()) +
                    " pictures in " + folder.string(),
                "use the captions and pictures of one release");
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) {
      throw Error(ErrorKind::data,
                  text.string() + ":" + std::to_string(i + 1) + " is empty",
                  "every line should be a caption");
    }
    Picture& picture = pictures[i / kCaptions];
    picture.is_test_species = is_test;
    picture.captions.push_back(std::move(lines[i]));
  }
  return pictures;
}

std::vector<Picture> read_mmvae(const fs::path& folder) {
  std::vector<Picture> pictures =
      read_part(folder / "train", folder / kTrainText, false);
  std::set<std::string> train_species;
  for (const Picture& picture : pictures) {
    train_species.insert(species_of(picture));
  }
  for (Picture& picture :
       read_part(folder / "test", folder / kTestText, true)) {
    if (train_species.contains(species_of(picture))) {
      throw Error(ErrorKind::data,
                  species_of(picture) + " is in train/ and in test/ of " +
                      folder.string(),
                  "the published split is by species");
    }
    pictures.push_back(std::move(picture));
  }
  std::stable_sort(pictures.begin(), pictures.end(),
                   [](const Picture& a, const Picture& b) {
                     return species_of(a) < species_of(b);
                   });
  return pictures;
}

// Rows of a table by the picture they speak of.
class PictureRows {
 public:
  PictureRows(std::vector<Picture>& pictures, const Table& table)
      : table_(table), column_(table.column("image")) {
    for (Picture& picture : pictures) by_name_[picture.name] = &picture;
  }

  Picture& at(std::size_t row) const {
    const auto found = by_name_.find(table_.cell(row, column_));
    if (found != by_name_.end()) return *found->second;
    throw Error(ErrorKind::data,
                table_.place(row) + " speaks of '" + table_.cell(row, column_) +
                    "', which is not in images/",
                "use the table and pictures of one release");
  }

 private:
  const Table& table_;
  std::size_t column_;
  std::map<std::string, Picture*> by_name_;
};

void add_caption(Picture& picture, const std::string& number,
                 const std::string& caption, const std::string& place) {
  const bool is_digit =
      number.size() == 1 && number[0] >= '0' && number[0] <= '9';
  if (!is_digit || caption.empty()) {
    throw Error(ErrorKind::data,
                place + " is not caption 0 to 9 with a text, but '" + number +
                    "', '" + caption + "'");
  }
  std::string& slot =
      picture.captions[static_cast<std::size_t>(number[0] - '0')];
  if (!slot.empty()) {
    throw Error(ErrorKind::data,
                place + " repeats caption " + number + " of " + picture.name);
  }
  slot = caption;
}

void read_captions(const fs::path& file, std::vector<Picture>& pictures) {
  const Table table(file);
  const PictureRows rows(pictures, table);
  const std::size_t number = table.column("k");
  const std::size_t caption = table.column("caption");
  for (Picture& picture : pictures) picture.captions.resize(kCaptions);
  for (std::size_t row = 0; row < table.num_rows(); ++row) {
    add_caption(rows.at(row), table.cell(row, number), table.cell(row, caption),
                table.place(row));
  }
  for (const Picture& picture : pictures) {
    for (std::size_t k = 0; k < kCaptions; ++k) {
      if (!picture.captions[k].empty()) continue;
      throw Error(ErrorKind::data,
                  file.string() + " lacks caption " + std::to_string(k) +
                      " of " + picture.name,
                  "every picture in images/ needs captions 0 to 9");
    }
  }
}

void read_cub_split(const fs::path& file, std::vector<Picture>& pictures) {
  const Table table(file);
  const PictureRows rows(pictures, table);
  const std::size_t flag = table.column("cub_train");
  for (std::size_t row = 0; row < table.num_rows(); ++row) {
    const std::string& value = table.cell(row, flag);
    if (value != "0" && value != "1") {
      throw Error(ErrorKind::data, table.place(row) + " has cub_train = '" +
                                       value + "', expected 0 or 1");
    }
    rows.at(row).is_cub_train = value == "1";
  }
}

bool is_listed(const std::string& species,
               const std::vector<std::string>& list) {
  const std::string number = species.substr(0, species.find('.'));
  return std::any_of(list.begin(), list.end(), [&](const std::string& item) {
    return item == species || item == number;
  });
}

std::vector<Picture> read_table(const fs::path& folder,
                                const std::vector<std::string>& test_species) {
  std::vector<Picture> pictures = list_pictures(folder / "images");
  read_captions(folder / "captions.tsv", pictures);
  if (is_there(folder / "meta.tsv")) {
    read_cub_split(folder / "meta.tsv", pictures);
  }
  for (Picture& picture : pictures) {
    picture.is_test_species = is_listed(species_of(picture), test_species);
  }
  return pictures;
}

}  // namespace

Layout read_layout(const fs::path& folder,
                   const std::vector<std::string>& test_species) {
  Layout layout;
  if (is_there(folder / kTrainText) || is_there(folder / kTestText)) {
    layout.pictures = read_mmvae(folder);
  } else if (is_there(folder / "captions.tsv")) {
    layout.pictures = read_table(folder, test_species);
  } else {
    throw Error(ErrorKind::data, folder.string() + " holds no captions",
                kExpected);
  }
  std::set<std::string> species;
  for (const Picture& picture : layout.pictures) {
    species.insert(species_of(picture));
  }
  layout.species.assign(species.begin(), species.end());
  for (Picture& picture : layout.pictures) {
    picture.species = static_cast<std::int64_t>(
        std::distance(species.begin(), species.find(species_of(picture))));
  }
  return layout;
}

}  // namespace shalab::cub_captions
