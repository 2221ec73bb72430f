// Folders of files with equal stems.

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "rows.h"
#include "shalab/dataset.h"
#include "shalab/error.h"
#include "source.h"
#include "tables.h"

namespace shalab::paired_folder {

namespace fs = std::filesystem;

namespace {

constexpr const char* kLabels = "labels.csv";
constexpr const char* kSplitsFile = "splits.csv";

enum class FileKind { picture, array, text };

struct Ending {
  const char* text;
  FileKind kind;
};

constexpr std::array<Ending, 5> kEndings = {{{".png", FileKind::picture},
                                             {".jpg", FileKind::picture},
                                             {".jpeg", FileKind::picture},
                                             {".npy", FileKind::array},
                                             {".txt", FileKind::text}}};

[[noreturn]] void refuse_ending(const fs::path& file) {
  throw Error(ErrorKind::data,
              file.string() + ": a png, jpg, jpeg, npy or txt file is expected",
              "move it out of the folder; hidden files are left alone");
}

FileKind kind_of(const fs::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  for (const Ending& known : kEndings) {
    if (ending == known.text) return known.kind;
  }
  refuse_ending(file);
}

bool is_hidden(const fs::path& file) {
  return file.filename().string().starts_with('.');
}

struct Folder {
  std::string name;
  fs::path path;
  FileKind kind = FileKind::picture;
  std::map<std::string, fs::path> files;  // by stem
};

[[noreturn]] void refuse_both(const Folder& folder, const fs::path& one,
                              const fs::path& other, const std::string& cure) {
  throw Error(ErrorKind::data,
              folder.path.string() + " holds " + one.filename().string() +
                  " and " + other.filename().string(),
              cure);
}

void add_file(Folder& folder, const fs::path& file) {
  const FileKind kind = kind_of(file);
  if (folder.files.empty()) folder.kind = kind;
  if (kind != folder.kind) {
    refuse_both(folder, folder.files.begin()->second, file,
                "all files of a modality must be of one kind: pictures, npy "
                "or txt");
  }
  const auto [place, is_new] = folder.files.emplace(file.stem().string(), file);
  if (!is_new) {
    refuse_both(folder, place->second, file, "each stem may stand there once");
  }
}

Folder list_folder(const fs::path& path) {
  Folder folder{path.filename().string(), path, {}, {}};
  std::set<fs::path> sorted;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (is_hidden(entry.path())) continue;
    if (!entry.is_regular_file()) refuse_ending(entry.path());
    sorted.insert(entry.path());
  }
  for (const fs::path& file : sorted) add_file(folder, file);
  if (!folder.files.empty()) return folder;
  throw Error(ErrorKind::data, path.string() + " holds no file",
              "a folder for each modality is expected, with a file for each "
              "tuple");
}

std::vector<std::string> folder_names(const fs::path& root,
                                      const Settings& settings) {
  if (!settings.list("modalities").empty()) return settings.list("modalities");
  std::set<std::string> sorted;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.is_directory() && !is_hidden(entry.path())) {
      sorted.insert(entry.path().filename().string());
    }
  }
  return {sorted.begin(), sorted.end()};
}

// "label.csv" would otherwise be left out without a word.
void check_tables(const fs::path& root) {
  for (const auto& entry : fs::directory_iterator(root)) {
    const fs::path& file = entry.path();
    if (file.extension() != ".csv" || is_hidden(file) ||
        file.filename() == kLabels || file.filename() == kSplitsFile) {
      continue;
    }
    throw Error(ErrorKind::data,
                file.string() + ": only labels.csv and splits.csv are read",
                "rename it, or move it out of the folder");
  }
}

std::vector<Folder> list_folders(const fs::path& root,
                                 const Settings& settings) {
  std::vector<Folder> folders;
  for (const std::string& name : folder_names(root, settings)) {
    if (!fs::is_directory(root / name)) {
      throw Error(ErrorKind::data,
                  "no folder " + (root / name).string() +
                      ", which dataset.modalities names",
                  "make it, or name another");
    }
    folders.push_back(list_folder(root / name));
  }
  return folders;
}

Column read_column(const Folder& folder, const std::vector<std::string>& stems,
                   const Settings& settings) {
  std::vector<fs::path> files;  // by tuple, empty where absent
  std::vector<bool> presence;
  for (const std::string& stem : stems) {
    const auto found = folder.files.find(stem);
    presence.push_back(found != folder.files.end());
    files.push_back(presence.back() ? found->second : fs::path());
  }
  Column column{folder.name, folder.path.string(), {}, {}, {}};
  column.presence = at::zeros({static_cast<std::int64_t>(stems.size())},
                              at::TensorOptions(at::kBool));
  std::copy(presence.begin(), presence.end(), column.presence.data_ptr<bool>());
  switch (folder.kind) {
    case FileKind::picture:
      column.values = read_pictures(files, settings.integer("image_side"));
      break;
    case FileKind::array:
      column.values = read_arrays(files);
      break;
    case FileKind::text:
      column.texts = read_texts(files);
  }
  return column;
}

at::Tensor splits_of(const std::vector<TableLine>& lines,
                     const fs::path& file) {
  at::Tensor splits =
      at::zeros({static_cast<std::int64_t>(lines.size())}, at::kLong);
  auto* out = splits.data_ptr<std::int64_t>();
  for (const TableLine& line : lines) {
    try {
      *out++ = static_cast<std::int64_t>(split_from(line.value));
    } catch (const Error& error) {
      throw Error(ErrorKind::data,
                  file.string() + ":" + std::to_string(line.number) + ": " +
                      error.message(),
                  error.hint());
    }
  }
  return splits;
}

}  // namespace

Source read_folder(const fs::path& root, const Settings& settings,
                   const Services& services) {
  check_tables(root);
  const std::vector<Folder> folders = list_folders(root, settings);
  std::set<std::string> sorted;
  for (const Folder& folder : folders) {
    for (const auto& [stem, file] : folder.files) sorted.insert(stem);
  }
  const std::vector<std::string> stems(sorted.begin(), sorted.end());
  Source source;
  for (const Folder& folder : folders) {
    services.progress->report("modalities read",
                              static_cast<std::int64_t>(source.columns.size()),
                              static_cast<std::int64_t>(folders.size()));
    source.columns.push_back(read_column(folder, stems, settings));
  }
  check_source(source, root.string());
  if (const auto lines = read_table(root / kLabels, stems)) {
    source.labels = classes_of(*lines);
  }
  if (const auto lines = read_table(root / kSplitsFile, stems)) {
    source.splits = splits_of(*lines, root / kSplitsFile);
  }
  return source;
}

}  // namespace shalab::paired_folder
